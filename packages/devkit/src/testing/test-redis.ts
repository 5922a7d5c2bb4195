import { Redis } from "ioredis";
import { inject } from "vitest";
import type { TestInfra } from "./global-setup.ts";

export interface TestRedis {
  /** Of a logical database of one's own: FLUSHDB is safe in it, FLUSHALL is not. */
  url: string;
  /** Empties it and gives it back. */
  drop(): Promise<void>;
}

const claimKey = (database: number) => `driftlock:test-database:${database}`;
// A run that was killed on a server that was given gives its databases back after this.
const CLAIM_SECONDS = 3600;

/**
 * A logical database of one's own on the run's Redis. For FLUSHALL, SHUTDOWN or CONFIG see `startPrivateRedis`. `infra`
 * outside of vitest; within it, what the project's global setup has booted.
 */
export async function createTestRedis(
  infra: TestInfra | undefined = inject("driftlock"),
): Promise<TestRedis> {
  const database = await withRedis(infra.redisUrl, (redis) => claimDatabase(redis, infra));
  const url = withLogicalDatabase(infra.redisUrl, database);
  return {
    url,
    async drop() {
      await withRedis(url, (redis) => redis.flushdb());
      await withRedis(infra.redisUrl, (redis) => redis.del(claimKey(database)));
    },
  };
}

/** Gives back what test files of this run did not; for the global teardown. */
export async function freeTestRedis(infra: TestInfra): Promise<void> {
  const claimed = await withRedis(infra.redisUrl, async (redis) => {
    const keys = await redis.keys(claimKey(0).replace(/0$/, "*"));
    const owners = keys.length === 0 ? [] : await redis.mget(keys);
    return keys.filter((_, index) => owners[index] === infra.runId);
  });
  for (const key of claimed) {
    await withRedis(withLogicalDatabase(infra.redisUrl, Number(key.split(":").at(-1))), (redis) =>
      redis.flushdb(),
    );
    await withRedis(infra.redisUrl, (redis) => redis.del(key));
  }
}

async function claimDatabase(redis: Redis, { runId }: TestInfra): Promise<number> {
  const [, count] = (await redis.config("GET", "databases")) as [string, string];
  for (let database = 1; database < Number(count); database++) {
    if ((await redis.set(claimKey(database), runId, "EX", CLAIM_SECONDS, "NX")) === null) continue;
    await redis.select(database);
    const isEmpty = (await redis.dbsize()) === 0;
    await redis.select(0);
    if (isEmpty) return database; // else it is somebody's, and stays claimed so that it is not asked again
  }
  throw new Error(`all ${count} databases of the Redis under test are in use; drop() gives one back`);
}

function withLogicalDatabase(url: string, database: number): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
