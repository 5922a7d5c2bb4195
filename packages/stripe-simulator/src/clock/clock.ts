import type { SimContext } from "../context.ts";
import type { Simulation } from "../simulation.ts";
import type { Deliverer } from "../webhooks/deliverer.ts";
import { createMover } from "./mover.ts";
import type { Participants } from "./participants.ts";

/** The work that time itself brings: renewals, retries, expiries. Instants are simulated unix seconds. */
export interface DueWork {
  nextDueAt(ctx: SimContext): number | null;
  runDue(ctx: SimContext): void;
  /** Whether a draft with metered lines waits for its usage to be reported. */
  isAwaitingUsage(ctx: SimContext): boolean;
}

export interface ClockState {
  nowMs: number;
  offsetMs: number;
  version: number;
  status: "ready" | "advancing";
}

export interface Clock {
  start(): void;
  state(): ClockState;
  /** Resolves when the version is no longer `version`, or after `waitMs` of real time. */
  changed(version: number, waitMs: number): Promise<ClockState>;
  stop(): Promise<void>;
}

interface ClockDeps {
  sim: Simulation;
  work: DueWork;
  deliverer: Deliverer;
  participants: Participants;
  log: { error(detail: object, message: string): void; info(detail: object, message: string): void };
}

const RETRY_MS = 1000;
const TIMER_MIN_MS = 10;
const TIMER_MAX_MS = 3_600_000;

/**
 * The one simulated clock. Standing, it ticks with the wall and a timer runs work as it comes due. Being advanced
 * (its record has a target), it is moved there; a restart goes on with an unfinished move.
 */
export function createClock({ log, ...deps }: ClockDeps): Clock {
  const { sim } = deps;
  const mover = createMover(deps);
  let timer: NodeJS.Timeout | undefined;
  let moving: Promise<void> | null = null;
  let isRunning = false;
  const waiters = new Set<() => void>();

  const record = () => sim.store.getOrThrow("sim.clock", "clock");
  const state = (): ClockState => {
    const { offsetMs, version, targetMs } = record();
    return { nowMs: sim.nowMs(), offsetMs, version, status: targetMs === null ? "ready" : "advancing" };
  };
  const tell = (): void => {
    for (const waiter of [...waiters]) waiter();
  };

  const move = async (): Promise<void> => {
    try {
      await mover.move(() => isRunning, tell);
    } catch (error) {
      log.error({ err: error }, "clock.failed");
      mover.settle("internal_failure");
    }
    moving = null;
    tell();
    log.info({ nowMs: sim.nowMs() }, "clock.stopped");
    setImmediate(wake);
  };

  /** Runs what has become due and sets the timer for what comes next; after every change of state. */
  const wake = (): void => {
    if (!isRunning || moving !== null) return;
    clearTimeout(timer);
    if (record().targetMs !== null) {
      moving = move();
      return;
    }
    try {
      const dueAtMs = mover.nextDueAtMs();
      if (dueAtMs === null) return;
      if (dueAtMs <= sim.nowMs()) mover.runDue(null);
      const nextAtMs = mover.nextDueAtMs() ?? Number.POSITIVE_INFINITY;
      timer = setTimeout(wake, Math.min(Math.max(nextAtMs - sim.nowMs(), TIMER_MIN_MS), TIMER_MAX_MS));
    } catch (error) {
      log.error({ err: error }, "due-work.failed");
      timer = setTimeout(wake, RETRY_MS);
    }
  };

  return {
    start() {
      isRunning = true;
      sim.onCommit(() => setImmediate(wake));
      wake();
    },
    state,
    async changed(version, waitMs) {
      if (record().version === version && isRunning)
        await new Promise<void>((resolve) => {
          const done = () => {
            clearTimeout(timeout);
            waiters.delete(done);
            resolve();
          };
          const timeout = setTimeout(done, waitMs);
          waiters.add(done);
        });
      return state();
    },
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      tell();
      await moving;
    },
  };
}
