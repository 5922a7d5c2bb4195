import { type AccountLimits, AppError, eventAgeMaxMs } from "@driftlock/contracts";
import { type Db, usageSnapshots } from "@driftlock/db";
import {
  type CounterSnapshot,
  partitionOf,
  putLimits,
  type RedisClient,
  seedCounters,
} from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "./catalog-cache.ts";
import { createSnapshotLimits, type Snapshot } from "./snapshot-limits.ts";

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
/** More would hold up Redis. */
const seedAccountsMax = 100;

export function createAccountLoader({ db, redis, clock, catalogCache, partitions }: Deps): LoadAccounts {
  const limitsOf = createSnapshotLimits({ clock, catalogCache });

  /** Limits alone where the counters hold: a new period, or a change that moves no boundary. */
  async function keepsCounters(snapshot: Snapshot, limits: AccountLimits): Promise<boolean> {
    // What is held is counted in the present segment: with a new one the counters are built anew.
    if (snapshot.holds.length > 0) return false;
    return (await putLimits(redis, { partitions, limits })) === "built";
  }

  /** @returns the accounts whose snapshots are too old by now. */
  async function seed(partition: number, snapshots: readonly Snapshot[]): Promise<string[]> {
    const accounts = await Promise.all(
      snapshots.map(async (snapshot): Promise<CounterSnapshot | null> => {
        const limits = await limitsOf(snapshot);
        return (await keepsCounters(snapshot, limits)) ? null : { ...snapshot, limits };
      }),
    );
    const unbuilt = accounts.filter((account) => account !== null);
    const outdated: string[] = [];
    const { epoch = "", streamId = "0-0" } = snapshots[0] ?? {};
    for (let at = 0; at < unbuilt.length; at += seedAccountsMax) {
      const page = { accounts: unbuilt.slice(at, at + seedAccountsMax), position: { epoch, streamId } };
      outdated.push(...(await seedCounters(redis, partition, page)));
    }
    return outdated;
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
      const byPartition = Map.groupBy(snapshots, ({ accountId }) => partitionOf(accountId, partitions));
      const outdated = [...byPartition].map(([partition, ofPartition]) => seed(partition, ofPartition));
      left = (await Promise.all(outdated)).flat();
    }
    return unknown;
  };
}
