import { reconciliationWalks } from "@driftlock/db";
import type { Walk, WalkDeps } from "./walk-step.ts";

type Period = reconciliationWalks.WalkedPeriodRow;
type Moved = Pick<reconciliationWalks.MovedPeriodRow, "accountId"> & { periodStart: Date };

const pageMax = 200;
const minuteMs = 60_000;
/** Further behind than this, the walk of all is sooner there. */
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

/** Periods that took usage of the last minutes, by its timestamps. */
export const movedPeriodsWalk = ({
  db,
  clock,
}: WalkDeps): Walk<{ minuteAt: string; accountId: string }, Moved> => ({
  name: "moved-periods",
  stepMs: 0,
  restMs: 5_000,
  isRound: false,
  read: async ({ minuteAt, accountId = "" }) => {
    const now = clock.now();
    const oldest = new Date(now.getTime() - behindMaxMs);
    const isBehind = minuteAt === undefined || new Date(minuteAt) < oldest;
    const from = isBehind ? { minuteAt: oldest, accountId: "" } : { minuteAt: new Date(minuteAt), accountId };
    const rows = await reconciliationWalks.listMovedPeriods(db, { ...from, before: now, limit: pageMax });
    const last = rows.at(-1) ?? from;
    const items = rows.flatMap((row) =>
      row.periodStart === null ? [] : [{ accountId: row.accountId, periodStart: row.periodStart }],
    );
    const position = { minuteAt: last.minuteAt.toISOString(), accountId: last.accountId };
    return { items, position, isLast: rows.length < pageMax };
  },
});
