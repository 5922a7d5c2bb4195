import { type Db, usagePeriods, usageReports, usageStreamPositions } from "@driftlock/db";
import { freezeWindow } from "@driftlock/domain";
import { hasReached, partitionOf, type RedisClient, readStreamEnd } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import { waitUntil } from "./wait-until.ts";

const waitMs = 5_000;
const metricsMax = 100;
const nowhere = { epoch: "", streamId: "0-0" };

/** Brings all usage that was accepted until now to Stripe. @returns false where that takes longer than 10 s. */
export type SettleUsage = (accountId: string) => Promise<boolean>;

/**
 * Before a plan that bills by use is changed (DESIGN 4.6): Stripe bills what was reported until then and counts anew.
 * What was accepted is waited for until it is committed, then a window is frozen for what is not reported, and then
 * the aggregator has sent it. To stop anywhere in between leaves nothing that the next run does not take up.
 */
export const createSettleUsage =
  ({
    db,
    redis,
    clock,
    partitions,
  }: {
    db: Db;
    redis: RedisClient;
    clock: Clock;
    partitions: number;
  }): SettleUsage =>
  async (accountId) => {
    const partition = partitionOf(accountId, partitions);
    const end = await readStreamEnd(redis, partition);
    const isCommitted = await waitUntil(waitMs, async () => {
      const committed = (await usageStreamPositions.findPosition(db, partition)) ?? nowhere;
      return hasReached(committed, { end, present: await readStreamEnd(redis, partition) });
    });
    const period = isCommitted ? await usagePeriods.findPeriodAt(db, accountId, clock.now()) : null;
    if (period === null) return false;
    const totals = await usageReports.listUnreported(db, { period, limit: metricsMax });
    const now = clock.now();
    if (totals.length > 0) {
      await usageReports.insertReports(
        db,
        totals.map((total) => freezeWindow(total, now)),
        now,
      );
    }
    return waitUntil(waitMs, async () => {
      const reports = await usageReports.listPeriodReports(db, period);
      return reports.every(({ openCount }) => openCount === 0);
    });
  };
