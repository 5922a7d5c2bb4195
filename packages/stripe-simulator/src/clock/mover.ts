import type { ClockRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import type { Deliverer } from "../webhooks/deliverer.ts";
import type { DueWork } from "./clock.ts";
import type { Participants } from "./participants.ts";

export interface MoverDeps {
  sim: Simulation;
  work: DueWork;
  deliverer: Deliverer;
  participants: Participants;
}

export interface Mover {
  /** Simulated milliseconds of the next work that time brings, or null. */
  nextDueAtMs(): number | null;
  /** Runs what is due now, or, given an instant ahead, moves the clock there first: in one transaction. */
  runDue(instantMs: number | null): void;
  /** Goes to the clock's target, holding at every instant on the way; ends early when `isRunning` says no. */
  move(isRunning: () => boolean, tell: () => void): Promise<void>;
  /** Forgets the target, and says on every advancing test clock how it ended. */
  settle(status: "ready" | "internal_failure"): void;
}

const HOLD_MAX_MS = 10_000;
const POLL_MS = 20;

/** Moves the clock from due instant to due instant, so that everything happens in its order and at its time. */
export function createMover({ sim, work, deliverer, participants }: MoverDeps): Mover {
  const record = (): ClockRecord => sim.store.getOrThrow("sim.clock", "clock");

  const nextDueAtMs = (): number | null => {
    const dueAt = sim.read(work.nextDueAt);
    return dueAt === null ? null : dueAt * 1000;
  };
  const isDue = (): boolean => (nextDueAtMs() ?? Number.POSITIVE_INFINITY) <= sim.nowMs();

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

  const nextInstantMs = (targetMs: number): number => {
    const nowMs = sim.nowMs();
    // It ticks while it is held: the target may lie behind it already, and nothing past that is to be reached.
    if (targetMs <= nowMs) return nowMs;
    const instants = [nextDueAtMs(), participants.nextDueAtMs(nowMs), deliverer.nextRetryAtMs(), targetMs];
    const ahead = instants.filter((each) => each !== null).filter((each) => each > nowMs);
    return ahead.length === 0 ? nowMs : Math.min(...ahead);
  };

  /** Waits, 10 s of real time at most, until everybody has followed to `instantMs`. */
  const hold = async (instantMs: number, isRunning: () => boolean): Promise<void> => {
    const since = sim.wallNowMs();
    const isSettled = () =>
      deliverer.isIdle() &&
      !sim.read(work.isAwaitingUsage) &&
      participants.haveCaughtUp(instantMs, Math.max(since, deliverer.lastDeliveredAtMs()));
    while (isRunning() && !isSettled() && sim.wallNowMs() - since < HOLD_MAX_MS && !isHoldingOff(sim)) {
      if (isDue()) runDue(null);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await new Promise((resolve) => setImmediate(resolve));
  };

  const settle = (status: "ready" | "internal_failure"): void =>
    sim.transact(null, (ctx) => {
      const before = record();
      ctx.store.put("sim.clock", { ...before, targetMs: null, version: before.version + 1 });
      const clocks = ctx.store.list("test_helpers.test_clock");
      for (const { id } of clocks.filter((each) => each.status === "advancing")) {
        const change = { status, frozen_time: ctx.now(), status_details: {} };
        ctx.emit(
          `test_helpers.test_clock.${status}`,
          ctx.store.update("test_helpers.test_clock", id, change),
        );
      }
    });

  return {
    nextDueAtMs,
    runDue,
    settle,
    async move(isRunning, tell) {
      if (participants.areAwaited()) {
        await hold(sim.nowMs(), isRunning);
        if (isRunning()) participants.forgetAwaited();
      }
      for (let target = record().targetMs; isRunning() && target !== null; target = record().targetMs) {
        const instantMs = nextInstantMs(target);
        runDue(instantMs);
        tell();
        deliverer.wake();
        await hold(instantMs, isRunning);
        if (isRunning() && instantMs >= target && !isDue()) settle("ready");
      }
    },
  };
}

const isHoldingOff = (sim: Simulation): boolean =>
  sim.store.list("sim.fault").some(({ kind }) => kind === "no-holding");
