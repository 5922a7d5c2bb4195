import { createTestDatabase } from "./test-database.ts";
import { createTestRedis } from "./test-redis.ts";

/** A `Lifecycle`; the clients come from the test, because devkit imports none of the packages that are tested with it. */
interface Stores<Db, RedisClient> {
  life: {
    own<Resource>(name: string, resource: Resource, release: (resource: Resource) => unknown): Resource;
  };
  openDb(url: string): Db;
  openRedis(url: string): RedisClient;
  /** A Redis that is there already, in place of one's own. */
  redisUrl?: string | undefined;
}

/** A database and a Redis of a test's own with a client for each; the clients are closed first, then both are dropped. */
export async function openTestStores<
  Db extends { end(): Promise<unknown> },
  RedisClient extends { disconnect(): void },
>({ life, openDb, openRedis, redisUrl }: Stores<Db, RedisClient>) {
  const database = life.own("database", await createTestDatabase(), ({ drop }) => drop());
  const url = redisUrl ?? life.own("redis database", await createTestRedis(), ({ drop }) => drop()).url;
  const db = life.own("pool", openDb(database.url), (pool) => pool.end());
  const redis = life.own("redis", openRedis(url), (connection) => connection.disconnect());
  return { db, redis, databaseUrl: database.url, redisUrl: url };
}
