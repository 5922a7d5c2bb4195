import type { UsageEvent } from "@driftlock/contracts";
import { accounts, catalog, type Db, usagePeriodsWrite, usageSnapshots } from "@driftlock/db";
import { accountLimits, initialFreePeriods } from "@driftlock/domain";
import {
  acceptUsage,
  createReadLimits,
  partitionOf,
  readCounters,
  type RedisClient,
  seedCounters,
} from "@driftlock/redis";

const knownForMs = 35 * 24 * 60 * 60 * 1000;

interface Installation {
  db: Db;
  redis: RedisClient;
  partitions: number;
  /** When its accounts were opened. */
  openedAt: Date;
  /** Business time. */
  now: Date;
}

/** What the gateway does to Postgres and Redis: opens accounts, builds counters, takes events, reads usage. */
export function createGatewaySide({ db, redis, partitions, openedAt, now }: Installation) {
  async function openAccount(accountId: string, planId: "free" | "pro" | "business" = "free"): Promise<void> {
    const periods = initialFreePeriods(openedAt);
    const base = { accountId, name: null, email: null, now: openedAt, freePlanVersion: 1, periods };
    await accounts.insertAccount(db, base);
    if (planId === "free") return;
    const tiles = periods.map((period) => ({
      ...period,
      planId,
      planVersion: 1,
      stripeSubscriptionId: `sub_${accountId}`,
      billingStart: period.start,
      closedAt: null,
    }));
    await usagePeriodsWrite.upsertPeriods(db, accountId, tiles);
  }

  /** What the gateway builds counters from, taken now; each puts one account's into Redis, and says whether it could. */
  async function takeSnapshots(accountIds: readonly string[]): Promise<(() => Promise<boolean>)[]> {
    const [plans, metricRows] = await Promise.all([catalog.listPlans(db), catalog.listMetrics(db)]);
    const wanted = accountIds.map((accountId) => ({
      accountId,
      partition: partitionOf(accountId, partitions),
    }));
    const since = new Date(now.getTime() - knownForMs);
    const snapshots = await usageSnapshots.listUsageSnapshots(db, wanted, since);
    return snapshots.map((snapshot) => {
      const { accountId, totals, uniques, epoch, streamId } = snapshot;
      const periods = snapshot.periods.map(({ startMs, endMs, isClosed, ...plan }) => ({
        ...plan,
        periodStart: new Date(startMs),
        periodEnd: new Date(endMs),
        closedAt: isClosed ? now : null,
      }));
      const version = snapshot.limitsVersion;
      const limits = accountLimits({
        accountId,
        version,
        periods,
        plans,
        metrics: metricRows,
        spendCapMinor: null,
        now,
      });
      if (limits === null) throw new Error(`no period of ${accountId}`);
      const partition = partitionOf(accountId, partitions);
      return async () => {
        const accounts = [{ limits, totals, uniques }];
        return (
          (await seedCounters(redis, partition, { accounts, position: { epoch, streamId } })).length === 0
        );
      };
    });
  }

  async function load(accountIds: readonly string[]): Promise<void> {
    for (const seed of await takeSnapshots(accountIds)) await seed();
  }

  const readLimits = createReadLimits();
  async function acceptPart(partition: number, events: readonly UsageEvent[], wallNowMs: number) {
    const accountIds = [...new Set(events.map(({ accountId }) => accountId))];
    const read = await readLimits(redis, { partition, accountIds, nowMs: now.getTime() });
    const known = new Map(read.map((resolved) => [resolved.limits.accountId, resolved]));
    return acceptUsage(redis, {
      partition,
      mode: "each",
      events,
      wallNowMs,
      limitsOf: (accountId) => known.get(accountId),
    });
  }

  /** What the gateway does with a request; the verdict of each event. */
  async function accept(events: readonly UsageEvent[], wallNowMs = 0): Promise<string[]> {
    const verdicts: string[] = [];
    const byPartition = Map.groupBy(events.keys(), (index) =>
      partitionOf(events[index]!.accountId, partitions),
    );
    for (const [partition, indexes] of byPartition) {
      const given = indexes.map((index) => events[index]!);
      let outcome = await acceptPart(partition, given, wallNowMs);
      for (let loads = 0; outcome.outcome === "load" && loads < 3; loads++) {
        await load(outcome.accountIds);
        outcome = await acceptPart(partition, given, wallNowMs);
      }
      if (outcome.outcome !== "decided") throw new Error("limits are missing");
      for (const [place, { verdict }] of outcome.decisions.entries()) verdicts[indexes[place]!] = verdict;
    }
    return verdicts;
  }

  async function used(accountId: string, metric = "events", periodStart = openedAt): Promise<number> {
    const at = { partition: partitionOf(accountId, partitions), accountId, nowMs: now.getTime() };
    const live = (await readCounters(redis, at)) ?? (await load([accountId]), await readCounters(redis, at));
    return live?.used(periodStart.getTime(), metric) ?? 0;
  }

  return { openAccount, takeSnapshots, load, accept, used };
}
