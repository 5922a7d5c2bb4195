import { createTestRedis } from "@driftlock/devkit";
import {
  accounts,
  seedCatalog,
  sql,
  usageGroups,
  usageSnapshots,
  usageTotals,
  usageUniqueValues,
} from "@driftlock/db";
import { initialFreePeriods } from "@driftlock/domain";
import { createRedis, keys, type RedisClient } from "@driftlock/redis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dropOldUsage } from "../src/known-ids/drop-old-usage.ts";
import {
  accountsOf,
  dayMs,
  type KnownIdsWorld,
  openKnownIdsWorld,
  partitions,
  rowsOf,
  startMs,
} from "./known-ids-world.ts";

const [accountId] = accountsOf(0) as [string];
const minuteMs = 60_000;
let world: KnownIdsWorld;
let server: Awaited<ReturnType<typeof createTestRedis>>;
let redis: RedisClient;

beforeEach(async () => {
  world = await openKnownIdsWorld();
  server = await createTestRedis();
  redis = createRedis({
    url: server.url,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
});

afterEach(async () => {
  redis.disconnect();
  await server.drop();
  await world.close();
});

const drop = (retentionDays: number) => dropOldUsage({ ...world, redis, partitions, retentionDays });
const generations = async () =>
  (
    await world.query<{ generation: number }>`select generation from usage_generations order by generation`
  ).map(({ generation }) => generation);

/** A generation that is sealed a day after its only record was received. */
async function writeGeneration(id: string): Promise<void> {
  const receivedAtMs = world.time.nowMs;
  await world.startWriter().commit(0, rowsOf([{ accountId, id, receivedAtMs }]));
  world.time.nowMs += dayMs;
  await world.rotate();
}

test("records older than the retention go, minutes after 36 days, totals and what counters are built from stay", async () => {
  const { db } = world;
  const now = new Date(startMs);
  const periods = initialFreePeriods(now);
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now });
  await accounts.insertAccount(db, { accountId, name: null, email: null, now, freePlanVersion: 1, periods });
  const delta = { accountId, metric: "events", quantity: 3, eventCount: 3, lastOccurredAtMs: startMs };
  await usageTotals.upsertTotals(db, "add", [{ ...delta, atMs: startMs }]);
  const minutes = Array.from({ length: 12_000 }, (_, index) => ({
    ...delta,
    atMs: startMs + index * 15 * minuteMs,
  }));
  await usageTotals.upsertMinutes(db, "add", minutes);
  for (const id of ["a", "b"]) await writeGeneration(id);
  const facts = async () => ({
    totals: await world.query`select * from usage_totals`,
    snapshot: await usageSnapshots.listUsageSnapshots(db, [{ accountId, partition: 0 }], now),
  });
  const before = await facts();

  world.time.nowMs = startMs + 91 * dayMs - 1;
  await drop(90);
  await drop(90);
  expect(await generations()).toEqual([2, 3]);
  expect(await world.query`select event_id from usage_records`).toEqual([{ event_id: "b" }]);
  expect(await world.query`select min(minute_at) as oldest, count(*) as count from usage_minutes`).toEqual([
    { oldest: new Date(startMs + 54 * dayMs), count: 12_000 - 54 * 96 },
  ]);
  world.time.nowMs = startMs + 400 * dayMs;
  await drop(90);
  expect(await generations()).toEqual([3]);
  expect(await world.count()).toBe(0);
  expect(await world.query`select count(*) as count from usage_minutes`).toEqual([{ count: 0 }]);
  expect(await facts()).toEqual(before);
  await world.startWriter().commit(0, rowsOf([{ accountId, id: "a" }]));
  expect(await world.count()).toBe(1);
});

test("however short the retention, an id stays while an entry waits that was received within 35 days of it", async () => {
  await writeGeneration("a");
  world.time.nowMs = startMs + 36 * dayMs + minuteMs;
  const waiting = `${Date.now() - 2 * dayMs}-1`;
  await redis.xadd(keys.stream(2), waiting, "v", "1");
  await drop(35);
  await drop(35);
  expect(await generations()).toEqual([1, 2]);
  const repeat = rowsOf([{ accountId, id: "a", receivedAtMs: startMs + 34 * dayMs }]);
  expect(await world.startWriter().find(0, repeat)).toHaveLength(1);
  await redis.xdel(keys.stream(2), waiting);
  await drop(35);
  expect(await generations()).toEqual([2]);
});

test("groups go by minute and hour after 36 days, by day after 401, however long records stay", async () => {
  const group = { accountId, metric: "events", key: "source", value: '"api"', quantity: 1, eventCount: 1 };
  for (const window of usageGroups.groupWindows) {
    const ofDay = (day: number) => ({
      ...group,
      atMs: startMs + day * dayMs,
      lastOccurredAtMs: startMs + day * dayMs,
    });
    await usageGroups.upsertGroups(world.db, "sum", window, [ofDay(0), ofDay(1)]);
  }
  const left = () => world.query`select window_minutes as window, min(window_at) as oldest, count(*) as count
    from usage_groups group by 1 order by 1`;
  world.time.nowMs = startMs + 37 * dayMs;
  await drop(90);
  expect(await left()).toEqual([
    { window: 1, oldest: new Date(startMs + dayMs), count: 1 },
    { window: 60, oldest: new Date(startMs + dayMs), count: 1 },
    { window: 1440, oldest: new Date(startMs), count: 2 },
  ]);
  world.time.nowMs = startMs + 402 * dayMs;
  await drop(90);
  expect(await left()).toEqual([{ window: 1440, oldest: new Date(startMs + dayMs), count: 1 }]);
});

test("hours go after 401 days, a few at a time, and their days read as before", async () => {
  const { db } = world;
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now: new Date(startMs) });
  await db.run(
    "test",
    sql`insert into metrics (metric, name, aggregation, unit, group_by_keys, created_at)
      values ('level', 'Level', 'last', 'unit', '{}', now())`,
  );
  const aggregations = { events: "sum", storage_bytes: "max", level: "last" } as const;
  const series = () =>
    Promise.all(
      Object.entries(aggregations).map(([metric, aggregation]) =>
        usageTotals.listSeries(db, {
          ...{ accountId, metric, aggregation, window: "day" },
          from: new Date(startMs),
          to: new Date(startMs + 4 * dayMs),
        }),
      ),
    );
  // Events of an hour can be older than its newest one and come later: 13 hours on, around the days.
  for (const [metric, aggregation] of Object.entries(aggregations)) {
    const hours = Array.from({ length: 96 }, (_, hour) => ({
      ...{ accountId, metric, quantity: (hour * 13) % 96, eventCount: 1 + (hour % 3) },
      atMs: startMs + hour * 60 * minuteMs,
      lastOccurredAtMs: startMs + hour * 60 * minuteMs + 59_000,
    }));
    await usageTotals.upsertHours(db, usageTotals.mergeOf(aggregation), hours);
  }
  const before = await series();
  expect(before.map((rows) => rows.length)).toEqual([4, 4, 4]);
  while ((await usageTotals.foldOldHours(db, new Date(startMs + dayMs), 7)) > 0)
    expect(await series()).toEqual(before);
  world.time.nowMs = startMs + 404 * dayMs - 1;
  await Promise.all([drop(90), drop(90)]);
  expect(await series()).toEqual(before);
  expect(await world.query`select min(hour_at) as oldest, count(*) as count from usage_hours`).toEqual([
    { oldest: new Date(startMs + 2 * dayMs), count: 144 },
  ]);
  expect(await world.query`select count(*) as count from usage_days`).toEqual([{ count: 6 }]);
});

test("values that were seen stay while their period can take events, then go; totals and what is rebuilt stay right", async () => {
  const { db } = world;
  const now = new Date(startMs);
  const periods = initialFreePeriods(now);
  const [first, second] = periods;
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now });
  await accounts.insertAccount(db, { accountId, name: null, email: null, now, freePlanVersion: 1, periods });
  for (const { start } of [first, second]) {
    const periodStartMs = start.getTime();
    const values = Array.from({ length: 6_000 }, (_, index) => ({
      ...{ accountId, metric: "visitors", periodStartMs, value: `v${index}`, minuteMs: periodStartMs },
    }));
    await usageUniqueValues.insertUniqueValues(db, values);
    const total = { accountId, metric: "visitors", quantity: 6_000, eventCount: 6_000 };
    await usageTotals.upsertTotals(db, "add", [
      { ...total, atMs: periodStartMs, lastOccurredAtMs: periodStartMs },
    ]);
  }
  const left = () => world.query`select period_start as start, count(*) as count
    from usage_unique_values group by 1 order by 1`;
  const snapshotAt = (atMs: number) =>
    usageSnapshots.listUsageSnapshots(db, [{ accountId, partition: 0 }], new Date(atMs - 35 * dayMs));
  const totals = () => world.query`select * from usage_totals order by period_start`;
  const before = await totals();
  const goneAtMs = first.start.getTime() + (31 + 36) * dayMs + 60 * minuteMs;

  world.time.nowMs = goneAtMs;
  await drop(90);
  expect(await left()).toEqual([
    { start: first.start, count: 6_000 },
    { start: second.start, count: 6_000 },
  ]);
  world.time.nowMs = goneAtMs + 60_000;
  await redis.xadd(keys.stream(2), `${Date.now() - 2 * dayMs}-1`, "v", "1");
  await drop(90);
  expect(await left()).toHaveLength(2);
  await redis.del(keys.stream(2));
  const [snapshot] = await snapshotAt(world.time.nowMs);
  await drop(90);
  expect(await left()).toEqual([{ start: second.start, count: 6_000 }]);
  expect(await snapshotAt(world.time.nowMs)).toEqual([snapshot]);
  expect(snapshot?.uniques).toMatchObject([{ metric: "visitors", segmentStartMs: second.start.getTime() }]);
  // A period that is longer than a month is asked for its end.
  await db.run("test", sql`update usage_periods set period_end = period_end + interval '40 days'`);
  world.time.nowMs += 45 * dayMs;
  await drop(90);
  expect(await left()).toHaveLength(1);
  world.time.nowMs += 40 * dayMs;
  await drop(90);
  expect(await left()).toEqual([]);
  expect(await totals()).toEqual(before);
});

test("two processes drop at the same time, while the records are read, and a reader that stays is not waited for", async () => {
  await writeGeneration("a");
  await writeGeneration("b");
  world.time.nowMs = startMs + 200 * dayMs;
  await drop(90);
  await Promise.all([drop(90), drop(90), world.count(), world.count()]);
  expect(await generations()).toEqual([3]);

  await writeGeneration("c");
  world.time.nowMs += 200 * dayMs;
  await drop(365);
  await world.db.transaction(async (reader) => {
    await reader.rows("test", { text: "select count(*) from usage_records", values: [] });
    await expect(drop(90)).rejects.toThrow("lock timeout");
    // Whoever writes was not held up for longer than that.
    await world.startWriter().commit(1, rowsOf([{ accountId: accountsOf(1)[0] ?? "", id: "d" }]));
  });
  await drop(90);
  expect(await generations()).toEqual([4]);
});
