import { accounts, catalog, type Db, installation, usagePeriods, usagePeriodsWrite } from "@driftlock/db";
import { accountLimits } from "@driftlock/domain";
import { eventAgeMaxMs } from "@driftlock/contracts";
import { putLimits, type RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";

/**
 * Puts the account's present limits beside its live counters in Redis; a newer version that is there already stays.
 * Call it after the commit that changed limits_version; where that call is lost, a ticker makes it good.
 */
export type PushLimits = (of: { accountId: string }) => Promise<void>;

export function createPushLimits({
  db,
  redis,
  clock,
}: {
  db: Db;
  redis: RedisClient;
  clock: Clock;
}): PushLimits {
  return async ({ accountId }) => {
    const now = clock.now();
    // The version is read before the periods: what is newer than its version is pushed again, never the reverse.
    const account = await accounts.findAccount(db, accountId);
    const bound = await installation.findInstallation(db);
    if (account === null || bound === null) return;
    const [periods, plans, metrics] = await Promise.all([
      usagePeriods.listPeriods(db, accountId, new Date(now.getTime() - eventAgeMaxMs)),
      catalog.listPlans(db),
      catalog.listMetrics(db),
    ]);
    const version = account.limitsVersion;
    const { spendCapMinor } = account;
    const limits = accountLimits({ accountId, version, periods, plans, metrics, spendCapMinor, now });
    if (limits !== null) await putLimits(redis, { partitions: bound.usagePartitions, limits });
    await usagePeriodsWrite.updateLimitsPushed(db, accountId, version);
  };
}
