import { createReadLimits, partitionOf, type RedisClient, type ResolvedLimits } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { LoadAccounts } from "./account-loader.ts";
import { createLimitsCache } from "./limits-cache.ts";

/** The limits that decisions are made with: kept here, else read from Redis, else loaded from Postgres. */
export interface KnownLimits {
  /** `nowMs` is business time. */
  find(accountId: string, nowMs: number): ResolvedLimits | undefined;
  /** Redis said that they are not what its counters were built for. */
  forget(accountIds: readonly string[]): void;
  /** Makes the limits of these accounts known. @returns those that do not exist. @throws UNAVAILABLE. */
  load(accountIds: readonly string[]): Promise<ReadonlySet<string>>;
}

interface Deps {
  redis: RedisClient;
  clock: Clock;
  partitions: number;
  loadAccounts: LoadAccounts;
}

const accountsMax = 50_000;

export function createKnownLimits({ redis, clock, partitions, loadAccounts }: Deps): KnownLimits {
  const cache = createLimitsCache(accountsMax);
  const readLimits = createReadLimits();
  const loading = new Map<string, Promise<ReadonlySet<string>>>();

  async function read(accountIds: readonly string[]): Promise<string[]> {
    const nowMs = clock.now().getTime();
    const byPartition = Map.groupBy(accountIds, (accountId) => partitionOf(accountId, partitions));
    const pages = [...byPartition].map(([partition, ofPartition]) =>
      readLimits(redis, { partition, accountIds: ofPartition, nowMs }),
    );
    for (const resolved of (await Promise.all(pages)).flat()) cache.put(resolved);
    return accountIds.filter((accountId) => cache.find(accountId, nowMs) === null);
  }

  async function loadNow(accountIds: readonly string[]): Promise<ReadonlySet<string>> {
    const missing = await read(accountIds);
    if (missing.length === 0) return new Set();
    const unknown = await loadAccounts(missing);
    const loaded = missing.filter((accountId) => !unknown.has(accountId));
    if (loaded.length > 0) await read(loaded);
    return unknown;
  }

  return {
    find: (accountId, nowMs) => cache.find(accountId, nowMs) ?? undefined,
    forget: (accountIds) => {
      for (const accountId of accountIds) cache.forget(accountId);
    },
    load: async (accountIds) => {
      const fresh = accountIds.filter((accountId) => !loading.has(accountId));
      if (fresh.length > 0) {
        const load = loadNow(fresh).finally(() => {
          for (const accountId of fresh) loading.delete(accountId);
        });
        for (const accountId of fresh) loading.set(accountId, load);
      }
      const loads = new Set(accountIds.flatMap((accountId) => loading.get(accountId) ?? []));
      const unknown = new Set<string>();
      for (const found of await Promise.all(loads)) for (const accountId of found) unknown.add(accountId);
      return unknown;
    },
  };
}
