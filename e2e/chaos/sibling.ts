import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DevFile } from "@driftlock/devkit";

const root = join(import.meta.dirname, "../..");

export interface Sibling {
  pid(): number | undefined;
  stop(): Promise<void>;
}

interface SiblingOptions {
  app: "api" | "usage-aggregator" | "billing-worker";
  dev: DevFile;
  env?: Record<string, string>;
  /** Told of each start, with the process's id, and of each end. */
  onStart?(pid: number): void;
}

/** Another process of an app beside those of a running system, started again whenever it dies. It may take a second to be ready. */
export function startSibling({ app, dev, env = {}, onStart }: SiblingOptions): Sibling {
  const stripeUrl = dev.stripeUrl;
  const logs = mkdtempSync(join(tmpdir(), `driftlock-${app}-2-`));
  let child: ChildProcess | null = null;
  let isStopping = false;
  let again: NodeJS.Timeout | undefined;

  function start(): void {
    const started = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(root, `apps/${app}/src/main.ts`)],
      {
        cwd: root,
        env: {
          PATH: process.env["PATH"],
          DATABASE_URL: dev.databaseUrl,
          REDIS_URL: dev.redisUrl,
          STRIPE_API_URL: stripeUrl,
          STRIPE_SECRET_KEY: dev.stripeSecretKey,
          BUSINESS_CLOCK_URL: `${stripeUrl}/_sim/clock`,
          DRIFTLOCK_MODE: "simulator",
          DRIFTLOCK_STOP_WITH_PARENT: "true",
          API_OPS_PORT: "0",
          AGGREGATOR_OPS_PORT: "0",
          WORKER_OPS_PORT: "0",
          ...env,
        },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream?.on("data", (chunk: Buffer) => appendFileSync(join(logs, "log"), chunk));
    if (started.pid !== undefined) onStart?.(started.pid);
    started.once("exit", () => {
      if (!isStopping) again = setTimeout(start, 200);
    });
  }

  writeFileSync(join(logs, "log"), "");
  start();
  return {
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    async stop() {
      isStopping = true;
      clearTimeout(again);
      if (child !== null && child.exitCode === null && child.signalCode === null) {
        child.kill("SIGCONT");
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      rmSync(logs, { recursive: true, force: true });
    },
  };
}
