import { createTestDatabase, startPrivateRedis } from "@driftlock/devkit";
import { createDb, usageStreamPositions } from "@driftlock/db";
import { createRedis, keys, openStream } from "@driftlock/redis";
import { createLogger, Lifecycle } from "@driftlock/runtime";
import { afterAll, expect, test } from "vitest";
import { watchForLoss } from "../../src/usage/loss-watch.ts";

const life = new Lifecycle();
afterAll(() => life.close());

test("a Redis that comes back without what is committed begins another epoch, one that has it does not", async () => {
  const server = life.own("redis", await startPrivateRedis(), (started) => started.close());
  const database = life.own("database", await createTestDatabase(), ({ drop }) => drop());
  const onConnectionError = () => {};
  const db = life.own(
    "pool",
    createDb({ connectionString: database.url, applicationName: "test", onConnectionError }),
    (pool) => pool.end(),
  );
  const redis = life.own(
    "connection",
    createRedis({ url: server.url, connectionName: "test", purpose: "requests", onConnectionError }),
    (connection) => connection.disconnect(),
  );
  await usageStreamPositions.insertPositionsIfMissing(db, 2);
  for (const partition of [0, 1]) {
    await redis.hset(keys.meta(partition), "epoch", "one");
    await redis.xadd(keys.stream(partition), "*", "v", "1", "a", " ", "d", "rows");
    const from = { epoch: "", streamId: "0-0", lastRead: "" };
    const reader = await openStream(redis, partition, from);
    const { entries, lastRead } = await reader.read(from, 1);
    const to = { epoch: "one", streamId: entries[0]?.streamId ?? "", lastRead };
    await usageStreamPositions.advancePosition(db, { partition, fence: 0, from, to });
  }
  const epochOf = (partition: number) => redis.hget(keys.meta(partition), "epoch");
  const watch = watchForLoss({ db, redis, log: createLogger({ name: "test", level: "silent" }) });
  await redis.del(keys.reads(0));
  await server.kill();
  await server.start();
  await expect.poll(() => epochOf(0), { timeout: 10_000, interval: 20 }).not.toBe("one");
  expect(await epochOf(1)).toBe("one");
  watch.close();
}, 30_000);
