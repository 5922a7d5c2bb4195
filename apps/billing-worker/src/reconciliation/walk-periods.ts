import { reconciliationWalks } from "@driftlock/db";
import type { Walk, WalkDeps } from "./walk-step.ts";

type Period = reconciliationWalks.WalkedPeriodRow;
type Moved = Awaited<ReturnType<typeof reconciliationWalks.listMovedPeriods>>[number];

const pageMax = 200;
const movedMax = 400;
const minuteMs = 60_000;
/** How far back it looks, where it was not looked for a while. */
const behindMaxMs = 10 * minuteMs;
const farPast = new Date(0);

/** Periods soon after they were closed. One whose close commits out of order is found by the walk of all. */
export const closedPeriodsWalk = ({
  db,
}: WalkDeps): Walk<{ closedAt: string; accountId: string; periodStart: string }, Period> => ({
  name: "closed-periods",
  stepMs: 0,
  restMs: 1_000,
  isRound: false,
  read: async ({ closedAt, accountId = "", periodStart }) => {
    const from = {
      closedAt: new Date(closedAt ?? farPast),
      accountId,
      periodStart: new Date(periodStart ?? farPast),
    };
    const items = await reconciliationWalks.listClosedPeriods(db, { ...from, limit: pageMax });
    const last = items.at(-1) ?? from;
    const position = {
      closedAt: (last.closedAt ?? farPast).toISOString(),
      accountId: last.accountId,
      periodStart: last.periodStart.toISOString(),
    };
    return { items, position, isLast: items.length < pageMax };
  },
});

/** Every period that has begun, slowly: whatever moved without a sign is found here. */
export const allPeriodsWalk = ({
  db,
  clock,
}: WalkDeps): Walk<{ accountId: string; periodStart: string }, Period> => ({
  name: "all-periods",
  stepMs: 2_000,
  restMs: 5 * minuteMs,
  isRound: true,
  read: async ({ accountId = "", periodStart }) => {
    const from = { accountId, periodStart: new Date(periodStart ?? farPast) };
    const items = await reconciliationWalks.listPeriods(db, { ...from, now: clock.now(), limit: pageMax });
    const last = items.at(-1) ?? from;
    const position = { accountId: last.accountId, periodStart: last.periodStart.toISOString() };
    return { items, position, isLast: items.length < pageMax };
  },
});

/** Periods that took usage of the last minutes, by its timestamps; of very many some, and the walk of all has the others. */
export const movedPeriodsWalk = ({ db, clock }: WalkDeps): Walk<{ minuteAt: string }, Moved> => ({
  name: "moved-periods",
  stepMs: 0,
  restMs: 5_000,
  isRound: false,
  read: async ({ minuteAt }) => {
    const nowMs = clock.now().getTime();
    // Also the minute that goes on: it is looked at again when it is over.
    const until = new Date(Math.floor(nowMs / minuteMs) * minuteMs);
    const oldest = new Date(nowMs - behindMaxMs);
    const known = minuteAt === undefined ? oldest : new Date(minuteAt);
    const after = known < oldest ? oldest : known;
    const items = await reconciliationWalks.listMovedPeriods(db, { after, until, limit: movedMax });
    return {
      items,
      position: { minuteAt: new Date(until.getTime() - minuteMs).toISOString() },
      isLast: true,
    };
  },
});
