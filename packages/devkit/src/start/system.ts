import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createGuard, stopLeftovers, type Guard } from "../infra/guard.ts";
import type { ProcessSpec } from "../infra/child-process.ts";
import { provisionPostgres, provisionRedis, type Provision } from "../infra/strategy.ts";
import { followLog, type LogFollower } from "./follow-log.ts";
import { supervise, type Supervised } from "./supervise.ts";
import type { StartSettings } from "./env.ts";

/** The processes of one start: what runs, in which order it stops, and what it says. */
export interface System {
  readonly guard: Guard;
  readonly logFolder: string;
  /** Starts a process under supervision; resolves when it is ready. */
  run(spec: ProcessSpec): Promise<void>;
  /** Starts Postgres and Redis by the first strategy that applies, and gives their URLs. */
  runInfra(): Promise<{ databaseUrl: string; redisUrl: string }>;
  /** Stops everything, apps first and Postgres last; `hurry` kills what is left. Nothing can be started after it. */
  stop(hurry: AbortSignal): Promise<void>;
}

interface SystemDeps {
  settings: StartSettings;
  /** Prints lines; `source` names the process that they come from. */
  say: (text: string, source?: string) => void;
}

// Servers log much that is no concern of whoever types `npm start`; their logs have it whole.
const shownLines: Record<string, (line: string) => boolean> = {
  // While it starts and stops it turns everybody away, our own probes among them.
  postgres: (line) =>
    /\b(FATAL|PANIC)\b/.test(line) &&
    !/terminating connection|starting up|not yet accepting|shutting down/.test(line),
  redis: (line) => /Fatal|FATAL|MISCONF/.test(line),
  web: (line) => /error/i.test(line),
};

/** Each start has a log of its own; the one before is kept. */
function startLog(logFile: string): void {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
}

/** Prepares a home whose lock is held: stops what a killed run left in it, and guards what will run. */
export async function openSystem({ settings, say }: SystemDeps): Promise<System> {
  const { folder } = settings;
  const logFolder = join(folder, "logs");
  const pidFolder = join(folder, "pids");
  mkdirSync(logFolder, { recursive: true });
  const leftovers = await stopLeftovers(pidFolder);
  if (leftovers.length > 0) say(`stopped what a killed run left behind: ${leftovers.join(", ")}`);
  const guard = createGuard(pidFolder);
  const supervised: Supervised[] = [];
  const followers: LogFollower[] = [];
  const containers: (() => Promise<void>)[] = [];
  let isStopping = false;

  async function run(spec: ProcessSpec): Promise<void> {
    if (isStopping) throw new Error("the start was given up");
    startLog(spec.logFile);
    followers.push(followLog(spec.logFile, (line) => say(line, spec.name), shownLines[spec.name]));
    const child = supervise(spec, { guard, say, restartMsMax: settings.restartMsMax });
    supervised.push(child);
    await child.ready;
  }

  async function use(provision: Provision): Promise<string> {
    if (provision.kind === "container") {
      containers.push(provision.stop);
      if (isStopping) await provision.stop(); // it came up too late to be in the order
    }
    if (provision.kind === "local") await run(provision.spec);
    return provision.url;
  }

  return {
    guard,
    logFolder,
    run,
    async runInfra() {
      const { infra, toolsHome, databaseUrl, redisUrl } = settings;
      const options = { infra, toolsHome, folder, logFolder, isDurable: true, say };
      const [postgres, redis] = await settleAll([
        provisionPostgres({ ...options, givenUrl: databaseUrl }).then(use),
        provisionRedis({ ...options, givenUrl: redisUrl }).then(use),
      ]);
      return { databaseUrl: postgres, redisUrl: redis };
    },
    async stop(hurry) {
      isStopping = true;
      const ranks = [...new Set(supervised.map(({ rank }) => rank))].sort((a, b) => b - a);
      for (const rank of ranks) {
        await Promise.all(
          supervised.filter((child) => child.rank === rank).map((child) => child.stop(hurry)),
        );
      }
      await Promise.all(containers.map((stopContainer) => stopContainer()));
      for (const follower of followers) follower.close();
      await guard.close();
    },
  };
}

/** All results, or the first failure once all have settled: nothing goes on behind the caller's back. */
async function settleAll<T extends readonly unknown[]>(
  promises: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as T;
}
