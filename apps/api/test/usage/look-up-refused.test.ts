import type { UsageEvent } from "@driftlock/contracts";
import { openTestStores } from "@driftlock/devkit";
import { createDb, sql, usageGenerations, usageIndexes } from "@driftlock/db";
import { createRedis, keys, partitionOf } from "@driftlock/redis";
import { Lifecycle } from "@driftlock/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLookUpRefused } from "../../src/usage/look-up-refused.ts";

const partitions = 4;
const accountId = "acct";
const partition = partitionOf(accountId, partitions);

let life: Lifecycle;
let world: Awaited<ReturnType<typeof openWorld>>;
beforeEach(async () => {
  life = new Lifecycle();
  world = await openWorld();
});
afterEach(() => life.close());

/** One event stored in the current generation, which was opened in the epoch "one" and has no index. */
async function openWorld() {
  const stores = await openTestStores({
    life,
    openDb: (connectionString) => createDb({ connectionString, applicationName: "test", connectionsMax: 2 }),
    openRedis: (url) =>
      createRedis({ url, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
  });
  const { db, redis } = stores;
  await db.run(
    "test",
    sql`insert into usage_stream_positions (partition_no, epoch, last_stream_id) values (${partition}::int, 'one', '1-0')`,
  );
  await db.transaction((tx) => usageGenerations.rotate(tx, 1, new Date()));
  await usageIndexes.makeIndex(db, 1);
  await db.run(
    "test",
    sql`insert into usage_records (generation, account_id, event_id, metric, quantity, occurred_at, received_at)
    values (2, ${accountId}::text, 'stored', 'events', 1, now(), now())`,
  );
  await redis.hset(keys.meta(partition), "epoch", "one");
  const lookUp = createLookUpRefused({ db, redis, partitions });
  const verdicts = async (...ids: string[]) => {
    const refused = ids.map(() => ({ verdict: "quota-exceeded" as const }));
    return (await lookUp(ids.map(eventOf), refused)).map(({ verdict }) => verdict);
  };
  return { db, redis, verdicts };
}

const eventOf = (id: string): UsageEvent => ({
  ...{ accountId, id, metric: "events", quantity: 1, propertiesJson: null },
  ...{ occurredAtMs: Date.now(), receivedAtMs: Date.now() },
});

test("a young generation without an index is left to the guard, which has seen all of it", async () => {
  expect(await world.verdicts("stored", "new")).toEqual(["quota-exceeded", "quota-exceeded"]);
});

test("Redis has begun another life since it was opened: it is read through", async () => {
  await world.redis.hset(keys.meta(partition), "epoch", "two");
  expect(await world.verdicts("stored", "new")).toEqual(["duplicate", "quota-exceeded"]);
});

test("Redis has lost everything: it is read through", async () => {
  await world.redis.flushdb();
  expect(await world.verdicts("stored")).toEqual(["duplicate"]);
});

test("it is older than what the guard is sure to know: it is read through", async () => {
  await world.db.run(
    "test",
    sql`update usage_generations set made_at = clock_timestamp() - interval '6 minutes' where generation = 2`,
  );
  expect(await world.verdicts("stored", "new")).toEqual(["duplicate", "quota-exceeded"]);
});

test("it has got its index: it is looked up", async () => {
  await usageIndexes.makeIndex(world.db, 2);
  expect(await world.verdicts("stored", "new")).toEqual(["duplicate", "quota-exceeded"]);
});
