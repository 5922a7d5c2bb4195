import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import type { DevFile } from "@driftlock/devkit";

const root = join(import.meta.dirname, "../..");

export interface Sibling {
  pid(): number | undefined;
  /** Resolves when it has said for the first time that it has started. */
  ready: Promise<void>;
  /** With SIGTERM it drains first. (Default: SIGTERM.) */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

interface SiblingOptions {
  app: "api" | "webhook-ingester" | "usage-aggregator" | "billing-worker";
  dev: Pick<DevFile, "databaseUrl" | "redisUrl" | "stripeUrl" | "stripeSecretKey">;
  env?: Record<string, string>;
  /** What it writes is kept here; absent, nowhere. */
  logFile?: string;
  /** Told of each start, with the process's id, and of each end. */
  onStart?(pid: number): void;
}

/** A process of an app, beside those of a running system or by itself, started again whenever it dies. It may take a second to be ready. */
export function startSibling({ app, dev, env = {}, logFile, onStart }: SiblingOptions): Sibling {
  const stripeUrl = dev.stripeUrl;
  const log = logFile === undefined ? null : createWriteStream(logFile, { flags: "a" });
  const ready = Promise.withResolvers<void>();
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
          NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
          DATABASE_URL: dev.databaseUrl,
          REDIS_URL: dev.redisUrl,
          STRIPE_API_URL: stripeUrl,
          STRIPE_SECRET_KEY: dev.stripeSecretKey,
          BUSINESS_CLOCK_URL: `${stripeUrl}/_sim/clock`,
          DRIFTLOCK_MODE: "simulator",
          DRIFTLOCK_STOP_WITH_PARENT: "true",
          API_OPS_PORT: "0",
          WEBHOOK_OPS_PORT: "0",
          AGGREGATOR_OPS_PORT: "0",
          WORKER_OPS_PORT: "0",
          ...env,
        },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream?.on("data", (chunk: Buffer) => {
        log?.write(chunk);
        if (chunk.includes('"process.started"')) ready.resolve();
      });
    if (started.pid !== undefined) onStart?.(started.pid);
    started.once("exit", () => {
      if (!isStopping) again = setTimeout(start, 200);
    });
  }

  start();
  return {
    ready: ready.promise,
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    async stop(signal = "SIGTERM") {
      isStopping = true;
      clearTimeout(again);
      if (child !== null && child.exitCode === null && child.signalCode === null) {
        child.kill("SIGCONT");
        child.kill(signal);
        await once(child, "exit");
      }
      log?.end();
    },
  };
}
