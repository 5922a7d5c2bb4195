import { setTimeout as delay } from "node:timers/promises";
import {
  startProcess,
  tailOfLog,
  waitUntilReady,
  type ProcessSpec,
  type RunningProcess,
} from "../infra/child-process.ts";
import type { Guard } from "../infra/guard.ts";

const BACKOFF_MS_MIN = 500;
/** Whoever ran this long before it died starts again without delay. */
const STEADY_MS = 60_000;
const FIRST_TRIES = 3;
/** EX_CONFIG: a process says that its configuration is wrong, and starting it again cannot help. */
const EXIT_CONFIG = "exit 78";

export interface Supervised {
  readonly name: string;
  readonly rank: number;
  /** Of the present process; undefined between two. */
  readonly pid: number | undefined;
  /** Stops it for good; `hurry` kills it. Safe to call at any time, also while it is being started. */
  stop(hurry?: AbortSignal): Promise<void>;
}

interface SuperviseDeps {
  guard: Guard;
  say: (text: string) => void;
  /** What the wait before a restart grows to. */
  restartMsMax: number;
}

/**
 * Starts a process and keeps it running: when it dies it is started again with backoff, and said so. Resolves when it
 * is ready for the first time; throws where it does not come up, or says that its configuration is wrong.
 */
export function supervise(
  spec: ProcessSpec,
  { guard, say, restartMsMax }: SuperviseDeps,
): Supervised & { ready: Promise<void> } {
  const stopping = new AbortController();
  let running: RunningProcess | undefined;

  async function boot(): Promise<RunningProcess> {
    const started = await startProcess(spec, guard);
    running = started;
    await waitUntilReady(spec, started);
    return started;
  }

  async function firstBoot(): Promise<RunningProcess> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await boot();
      } catch (error) {
        const how = await endOf(running);
        if (stopping.signal.aborted || how === undefined || how === EXIT_CONFIG || attempt === FIRST_TRIES)
          throw error;
        say(`${spec.name} stopped while starting (${how}); trying again`);
        await delay(BACKOFF_MS_MIN * attempt, undefined, { signal: stopping.signal });
      }
    }
  }

  async function keepRunning(first: RunningProcess): Promise<void> {
    let backoffMs = BACKOFF_MS_MIN;
    let current = first;
    while (!stopping.signal.aborted) {
      const startedAtMs = performance.now();
      const how = await current.exited;
      if (stopping.signal.aborted) return;
      backoffMs = Math.min(
        performance.now() - startedAtMs > STEADY_MS ? BACKOFF_MS_MIN : backoffMs * 2,
        restartMsMax,
      );
      say(
        `${spec.name} stopped (${how}); starting it again in ${backoffMs / 1000} s\n${lastWords(spec, how)}`.trimEnd(),
      );
      await delay(backoffMs, undefined, { signal: stopping.signal });
      const next = await startProcess(spec, guard).catch((error: Error) => error.message);
      if (typeof next === "string") {
        current = { ...current, exited: Promise.resolve(next) };
        continue;
      }
      current = next;
      running = next;
      waitUntilReady(spec, next).then(
        () => say(`${spec.name} is back`),
        () => {}, // it ended again, which the loop says, or it is slow, which its readiness says
      );
    }
  }

  const first = firstBoot();
  const loop = first.then(keepRunning).catch(() => {}); // a failed start is told by `ready`, an aborted wait is a stop
  return {
    name: spec.name,
    rank: spec.rank,
    get pid() {
      return running?.pid;
    },
    ready: first.then(() => {}),
    async stop(hurry) {
      stopping.abort();
      await running?.stop(hurry);
      await Promise.allSettled([first, loop]);
      await running?.stop(hurry); // the one that was just being started
    },
  };
}

/** How a process ended, or undefined while it runs. */
const endOf = (running: RunningProcess | undefined) =>
  running && Promise.race([running.exited, delay(0).then(() => undefined)]);

const lastWords = (spec: ProcessSpec, how: string) =>
  how.startsWith("exit ") && how !== "exit 0" ? tailOfLog(spec.logFile, 5) : "";
