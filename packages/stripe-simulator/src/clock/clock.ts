import type { SimContext } from "../context.ts";
import type { ClockRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import type { Deliverer } from "../webhooks/deliverer.ts";
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
  /** Looks for work that has become due; after every change. */
  wake(): void;
  stop(): Promise<void>;
}

interface ClockDeps {
  sim: Simulation;
  work: DueWork;
  deliverer: Deliverer;
  participants: Participants;
  log: { error(detail: object, message: string): void; info(detail: object, message: string): void };
}

const HOLD_MAX_MS = 10_000;
const POLL_MS = 20;
const RETRY_MS = 1000;
const TIMER_MAX_MS = 3_600_000;

/**
 * The one simulated clock. Standing, it ticks with the wall and a timer runs work as it comes due. Being advanced
 * (its record has a target), it goes from due instant to due instant and holds at each until everybody has followed.
 */
export function createClock({ sim, work, deliverer, participants, log }: ClockDeps): Clock {
  let timer: NodeJS.Timeout | undefined;
  let moving: Promise<void> | null = null;
  let isRunning = false;
  let isWaking = false;
  const waiters = new Set<() => void>();

  const record = (): ClockRecord => sim.store.getOrThrow("sim.clock", "clock");
  const state = (): ClockState => {
    const { offsetMs, version, targetMs } = record();
    return { nowMs: sim.nowMs(), offsetMs, version, status: targetMs === null ? "ready" : "advancing" };
  };
  const nextDueAtMs = (): number | null => {
    const dueAt = sim.read(work.nextDueAt);
    return dueAt === null ? null : dueAt * 1000;
  };

  const runDue = (instantMs: number | null): void =>
    sim.transact(null, (ctx) => {
      const before = record();
      const jumpMs = instantMs === null ? 0 : Math.max(0, instantMs - sim.nowMs());
      if (jumpMs > 0)
        ctx.store.put("sim.clock", {
          ...before,
          offsetMs: before.offsetMs + jumpMs,
          version: before.version + 1,
        });
      work.runDue(ctx);
    });

  const hold = async (instantMs: number): Promise<void> => {
    const since = sim.wallNowMs();
    const isSettled = () =>
      deliverer.isIdle() &&
      !sim.read(work.isAwaitingUsage) &&
      participants.haveCaughtUp(instantMs, Math.max(since, deliverer.lastDeliveredAtMs()));
    while (isRunning && !isSettled() && sim.wallNowMs() - since < HOLD_MAX_MS && !isHoldingOff(sim)) {
      const dueAtMs = nextDueAtMs();
      if (dueAtMs !== null && dueAtMs <= sim.nowMs()) runDue(null);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await new Promise((resolve) => setImmediate(resolve));
  };

  const move = async (): Promise<void> => {
    for (let target = record().targetMs; isRunning && target !== null; target = record().targetMs) {
      const nowMs = sim.nowMs();
      const instants = [nextDueAtMs(), participants.nextDueAtMs(nowMs), deliverer.nextRetryAtMs(), target];
      const ahead = instants.filter((each) => each !== null).filter((each) => each > nowMs);
      const instantMs = ahead.length === 0 ? nowMs : Math.min(...ahead);
      runDue(instantMs);
      tell();
      deliverer.wake();
      await hold(instantMs);
      const dueAtMs = nextDueAtMs();
      if (instantMs >= target && (dueAtMs === null || dueAtMs > sim.nowMs())) stopMoving("ready");
    }
  };

  const stopMoving = (status: "ready" | "internal_failure"): void => {
    sim.transact(null, (ctx) => {
      const before = record();
      ctx.store.put("sim.clock", { ...before, targetMs: null, version: before.version + 1 });
      const clocks = ctx.store.list("test_helpers.test_clock");
      for (const { id } of clocks.filter((each) => each.status === "advancing")) {
        const change = { status, frozen_time: ctx.now(), status_details: {} };
        const stopped = ctx.store.update("test_helpers.test_clock", id, change);
        ctx.emit(`test_helpers.test_clock.${status}`, stopped);
      }
    });
    tell();
    log.info({ nowMs: sim.nowMs(), status }, "clock.arrived");
  };

  const tell = (): void => {
    for (const waiter of [...waiters]) waiter();
  };

  const wake = (): void => {
    if (!isRunning || isWaking) return;
    isWaking = true;
    clearTimeout(timer);
    try {
      if (record().targetMs !== null) {
        moving ??= move()
          .catch((error: unknown) => {
            log.error({ err: error }, "clock.failed");
            stopMoving("internal_failure");
          })
          .finally(() => {
            moving = null;
            setImmediate(wake);
          });
        return;
      }
      const dueAtMs = nextDueAtMs();
      if (dueAtMs === null) return;
      if (dueAtMs <= sim.nowMs()) runDue(null);
      timer = setTimeout(
        wake,
        Math.min(Math.max((nextDueAtMs() ?? dueAtMs + TIMER_MAX_MS) - sim.nowMs(), 10), TIMER_MAX_MS),
      );
    } catch (error) {
      log.error({ err: error }, "due-work.failed");
      timer = setTimeout(wake, RETRY_MS);
    } finally {
      isWaking = false;
    }
  };

  return {
    start() {
      isRunning = true;
      sim.onCommit(() => setImmediate(wake));
      wake();
    },
    state,
    wake,
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

const isHoldingOff = (sim: Simulation): boolean =>
  sim.store.list("sim.fault").some(({ kind }) => kind === "no-holding");
