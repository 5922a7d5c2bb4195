import { type Db, reconciliationWalks } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";

type Period = reconciliationWalks.WalkedPeriodRow;

/** A page longer than this is somebody else's to go on with. */
const leaseMs = 60_000;
const farPast = new Date(0);

interface WalkDeps {
  db: Db;
  /** Business time: which periods have begun. */
  clock: Clock;
  wallClock: Clock;
}

/** One page of a walk: what comes by, and where the next page begins. */
interface WalkPage<Position> {
  periods: Period[];
  position: Position;
}

interface Walk<Position> {
  name: string;
  pageMax: number;
  /** Between two pages, and from the end to the next beginning. Wall time. */
  stepMs: number;
  restMs: number;
  read(after: Partial<Position>, limit: number): Promise<WalkPage<Position>>;
  /** Where the walk begins anew after its end; the position where it goes on. */
  isEndless: boolean;
}

/**
 * Takes one page of a walk, where it is due, to `visit`. Several workers share it; a page that a dead one had is taken
 * again, so `visit` may see a period twice.
 */
export async function takeWalkStep<Position extends object>(
  { db, wallClock }: Pick<WalkDeps, "db" | "wallClock">,
  walk: Walk<Position>,
  visit: (periods: Period[]) => Promise<void>,
): Promise<void> {
  const step = await reconciliationWalks.claimStep<Position>(db, walk.name, leaseMs);
  if (step === null) return;
  const { periods, position } = await walk.read(step.position, walk.pageMax);
  if (periods.length > 0) await visit(periods);
  const wallNow = wallClock.now();
  const isAtEnd = periods.length < walk.pageMax;
  await reconciliationWalks.updateStep(db, walk.name, {
    position: isAtEnd && !walk.isEndless ? {} : position,
    beganAt: step.beganAt === null || "accountId" in step.position === false ? wallNow : step.beganAt,
    completedAt: isAtEnd ? wallNow : null,
    delayMs: isAtEnd ? walk.restMs : walk.stepMs,
  });
}

/** Periods soon after they were closed. One whose close commits out of order is found by the walk of all. */
export const closedPeriodsWalk = ({
  db,
}: WalkDeps): Walk<{ closedAt: string; accountId: string; periodStart: string }> => ({
  name: "closed-periods",
  pageMax: 200,
  stepMs: 0,
  restMs: 1_000,
  isEndless: true,
  read: async (after, limit) => {
    const { closedAt, accountId = "", periodStart } = after;
    const from = { closedAt: new Date(closedAt ?? 0), accountId, periodStart: new Date(periodStart ?? 0) };
    const periods = await reconciliationWalks.listClosedPeriods(db, { ...from, limit });
    const last = periods.at(-1) ?? from;
    return {
      periods,
      position: {
        closedAt: (last.closedAt ?? farPast).toISOString(),
        accountId: last.accountId,
        periodStart: last.periodStart.toISOString(),
      },
    };
  },
});

/** Every period that has begun, slowly: whatever moved without a sign is found here. */
export const allPeriodsWalk = ({
  db,
  clock,
}: WalkDeps): Walk<{ accountId: string; periodStart: string }> => ({
  name: "all-periods",
  pageMax: 200,
  stepMs: 2_000,
  restMs: 60_000,
  isEndless: false,
  read: async ({ accountId = "", periodStart }, limit) => {
    const from = { accountId, periodStart: new Date(periodStart ?? 0) };
    const periods = await reconciliationWalks.listPeriods(db, { ...from, now: clock.now(), limit });
    const last = periods.at(-1) ?? from;
    return {
      periods,
      position: { accountId: last.accountId, periodStart: last.periodStart.toISOString() },
    };
  },
});
