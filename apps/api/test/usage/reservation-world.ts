import { accounts, createDb, type Db, seedCatalog, sql } from "@driftlock/db";
import { openTestStores } from "@driftlock/devkit";
import { initialFreePeriods } from "@driftlock/domain";
import { createRedis, keys, partitionOf, type RedisClient } from "@driftlock/redis";
import { Lifecycle } from "@driftlock/runtime";
import { createUsageUseCases, type UsageUseCases } from "../../src/usage/create-usage-use-cases.ts";

const partitions = 2;
const openedAt = new Date("2026-03-01T00:00:00Z");

/** What a process does outside of itself, in order; it dies in front of one such call, and does nothing any more. */
export interface Life {
  callsLeft: number;
  hasDied?: boolean;
}

/** Postgres, Redis and any number of processes over them, at a time that the test says. */
export async function openReservationWorld() {
  const life = new Lifecycle();
  const { db, redis } = await openTestStores({
    life,
    openDb: (url) => createDb({ connectionString: url, applicationName: "test", connectionsMax: 8 }),
    openRedis: (url) =>
      createRedis({ url, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
  });
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now: openedAt });
  const time = { nowMs: openedAt.getTime() + 86_400_000 };

  const startProcess = (lives: Life = { callsLeft: Infinity }): UsageUseCases =>
    createUsageUseCases({
      db: mortal(db, ["rows", "row", "run", "transaction"], lives),
      redis: mortal(redis, ["evalsha", "eval", "hscan"], lives),
      clock: { now: () => new Date(time.nowMs) },
      wallNow: () => Date.now(),
      partitions,
      accessPolicy: {} as never,
      backlog: { assertRoom: () => {}, close: () => {} } as never,
      durability: {
        start: async () => {},
        isKeptByWriting: true,
        keep: async (write) => (await write()).answer,
        close: () => {},
      },
    });

  return {
    life,
    db,
    redis,
    time,
    startProcess,
    openAccount: async (accountId: string) => {
      const account = { accountId, name: null, email: null, now: openedAt, freePlanVersion: 1 };
      const periods = initialFreePeriods(openedAt);
      await db.transaction((tx) => accounts.insertAccount(tx, { ...account, periods }));
    },
    /** What Redis counts as held of an account, by metric. */
    heldOf: async (accountId: string): Promise<Record<string, number>> => {
      const all = await redis.hgetall(keys.held(partitionOf(accountId, partitions)));
      return Object.fromEntries(
        Object.entries(all).flatMap(([field, value]) => {
          const [account, , metric = ""] = field.split(":");
          return account === accountId ? [[metric, Number(value)]] : [];
        }),
      );
    },
    rowsOf: (accountId: string) =>
      db.rows<{ id: string; state: string }>(
        "test",
        sql`select reservation_id as id, state from usage_reservations where account_id = ${accountId}::text
        order by reservation_id`,
      ),
    /** Nobody is left a state to finish any more: what is unfinished was left by the dead. */
    letRetriesPass: () =>
      db.run("test", sql`update usage_reservations set retry_at = clock_timestamp() - interval '1 second'`),
  };
}

export type ReservationWorld = Awaited<ReturnType<typeof openReservationWorld>>;

function mortal<Resource extends Db | RedisClient>(
  resource: Resource,
  calls: string[],
  life: Life,
): Resource {
  return new Proxy(resource, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!calls.includes(String(name))) return value.bind(target);
      return async (...given: unknown[]) => {
        if (life.callsLeft <= 0) {
          life.hasDied = true;
          throw new Error("the process is dead");
        }
        life.callsLeft -= 1;
        return value.apply(target, given);
      };
    },
  });
}
