import { type AccountLimits, AppError, eventAgeMaxMs } from "@driftlock/contracts";
import { type Db, usageSnapshots } from "@driftlock/db";
import { accountLimits } from "@driftlock/domain";
import { partitionOf, type RedisClient, seedCounters } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "./catalog-cache.ts";

type Snapshot = Awaited<ReturnType<typeof usageSnapshots.listUsageSnapshots>>[number];

/**
 * Puts the limits of accounts and their counters into Redis, from Postgres and the stream's tail. @returns the accounts
 * that do not exist. @throws UNAVAILABLE, also where no period of an account holds the present: unknown is not allowed.
 */
export type LoadAccounts = (accountIds: readonly string[]) => Promise<Set<string>>;

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  catalogCache: CatalogCache;
  partitions: number;
}

/** A commit of the aggregator makes a snapshot too old; several in a row within milliseconds would be a fault. */
const triesMax = 10;

export function createAccountLoader({ db, redis, clock, catalogCache, partitions }: Deps): LoadAccounts {
  async function limitsOf(snapshot: Snapshot): Promise<AccountLimits> {
    const isComplete = (plans: readonly { planId: string; version: number }[]) =>
      snapshot.periods.every((period) =>
        plans.some((plan) => plan.planId === period.planId && plan.version === period.planVersion),
      );
    const cached = await catalogCache.get();
    const { plans, metrics } = isComplete(cached.plans) ? cached : await catalogCache.refresh();
    const limits = accountLimits({
      accountId: snapshot.accountId,
      version: snapshot.limitsVersion,
      periods: snapshot.periods.map(({ startMs, endMs, planId, planVersion, isClosed }) => ({
        periodStart: new Date(startMs),
        periodEnd: new Date(endMs),
        planId,
        planVersion,
        closedAt: isClosed ? new Date(endMs) : null,
      })),
      plans,
      metrics,
      now: clock.now(),
    });
    if (limits === null) {
      throw new AppError(
        "UNAVAILABLE",
        `The present period of ${snapshot.accountId} is not known yet; try again.`,
        {
          retryAfterSeconds: 5,
        },
      );
    }
    return limits;
  }

  async function seed(snapshot: Snapshot): Promise<boolean> {
    const { accountId, totals, epoch, streamId } = snapshot;
    const limits = await limitsOf(snapshot);
    return seedCounters(redis, partitionOf(accountId, partitions), {
      limits,
      totals,
      position: { epoch, streamId },
    });
  }

  return async (accountIds) => {
    const unknown = new Set<string>();
    let left = [...accountIds];
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === triesMax)
        throw new AppError("UNAVAILABLE", "Usage counters are being rebuilt; try again.");
      const wanted = left.map((accountId) => ({ accountId, partition: partitionOf(accountId, partitions) }));
      const since = new Date(clock.now().getTime() - eventAgeMaxMs);
      const snapshots = await usageSnapshots.listUsageSnapshots(db, wanted, since);
      const found = new Set(snapshots.map(({ accountId }) => accountId));
      for (const accountId of left) if (!found.has(accountId)) unknown.add(accountId);
      const outcomes = await Promise.all(
        snapshots.map(async (snapshot) => ((await seed(snapshot)) ? null : snapshot.accountId)),
      );
      left = outcomes.filter((accountId) => accountId !== null);
    }
    return unknown;
  };
}
