// One Postgres and one Redis for a whole test run, whichever projects of it need them.
import { randomBytes } from "node:crypto";
import { resolve, join } from "node:path";
import { startProcess, waitUntilReady } from "../infra/child-process.ts";
import { createGuard, type Guard } from "../infra/guard.ts";
import { findToolsHome } from "../infra/tools-home.ts";
import { checkoutRoot } from "../infra/run-as.ts";
import { provisionPostgres, provisionRedis, type Provision } from "../infra/strategy.ts";
import { makeRunFolder } from "./run-folder.ts";
import { dropTestDatabases } from "./test-database.ts";
import { freeTestRedis } from "./test-redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    driftlock: TestInfra;
  }
}

export interface TestInfra {
  /** Names what this run makes on a server that others use too. */
  runId: string;
  postgresUrl: string;
  redisUrl: string;
  /** For what is downloaded once for every run. */
  toolsHome: string;
  /** Of this run; removed at its end. */
  folder: string;
}

interface Boot {
  infra: TestInfra;
  stop(): Promise<void>;
}

// Each project loads this module anew; the boot must still be one.
const global = globalThis as { driftlockBoot?: Promise<Boot>; driftlockBootUsers?: number };

/** vitest's hook: boots what is missing, and fails the run where that fails. */
export default async function setup(project: {
  provide(key: "driftlock", value: TestInfra): void;
}): Promise<() => Promise<void>> {
  global.driftlockBootUsers = (global.driftlockBootUsers ?? 0) + 1;
  global.driftlockBoot ??= boot(process.env);
  const booted = await global.driftlockBoot;
  project.provide("driftlock", booted.infra);
  return async () => {
    global.driftlockBootUsers = (global.driftlockBootUsers ?? 1) - 1;
    if (global.driftlockBootUsers > 0) return;
    delete global.driftlockBoot;
    await booted.stop();
  };
}

async function boot(env: NodeJS.ProcessEnv): Promise<Boot> {
  const home = resolve(checkoutRoot, env["DRIFTLOCK_HOME"] || ".driftlock");
  const toolsHome = findToolsHome(env);
  const folder = await makeRunFolder(home, { inMemory: true });
  const guard = createGuard(join(folder, "pids"));
  guard.removeAtEnd(folder);
  const containers: (() => Promise<void>)[] = [];
  try {
    const options = {
      infra: env["INFRA"],
      toolsHome,
      folder,
      logFolder: join(folder, "logs"),
      isDurable: false,
      say: (text: string) => process.stderr.write(`driftlock: ${text}\n`),
    };
    const run = async (provision: Provision) => {
      if (provision.kind === "local") {
        await waitUntilReady(provision.spec, await startProcess(provision.spec, guard));
      } else if (provision.kind === "container") containers.push(provision.stop);
      return provision.url;
    };
    const [postgresUrl, redisUrl] = await Promise.all([
      provisionPostgres({ ...options, givenUrl: env["DATABASE_URL"] }).then(run),
      provisionRedis({ ...options, givenUrl: env["REDIS_URL"], databaseCount: 256 }).then(run),
    ]);
    const infra = { runId: randomBytes(4).toString("hex"), postgresUrl, redisUrl, toolsHome, folder };
    return { infra, stop: () => stop(infra, guard, containers) };
  } catch (error) {
    await Promise.allSettled(containers.map((stopContainer) => stopContainer()));
    await guard.close();
    throw error;
  }
}

async function stop(
  infra: TestInfra,
  guard: Guard,
  containers: readonly (() => Promise<void>)[],
): Promise<void> {
  await Promise.allSettled([dropTestDatabases(infra), freeTestRedis(infra)]);
  await Promise.all(containers.map((stopContainer) => stopContainer()));
  await guard.close();
}
