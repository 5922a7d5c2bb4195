import { usageGroups } from "@driftlock/db";
import { partitionOf } from "@driftlock/redis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventOf, newAccountId, now, openWorld, partitions } from "./world.ts";

const world = await openWorld();
const { db, accept, query } = world;
afterAll(() => world.close());
beforeAll(async () => {
  await query`update metrics set group_by_keys = '{region}'`;
});

let accountId: string;
let partition: number;
beforeEach(async () => {
  accountId = newAccountId();
  partition = partitionOf(accountId, partitions);
  await world.openAccount(accountId);
});

const commit = () => world.commit(partition);

const groupsOf = (windowMinutes: number, metric = "events") => query<{
  value: string;
  quantity: number;
  count: number;
}>`select value, quantity, event_count as count from usage_groups where account_id = ${accountId}::text
  and metric = ${metric}::text and window_minutes = ${windowMinutes}::int order by window_at, value`;

const inRegion = (id: string, region: string | null, event: object = {}) =>
  eventOf(accountId, id, {
    ...(region !== null && { propertiesJson: JSON.stringify({ region }) }),
    ...event,
  });

test("groups are written with the records, by minute, hour and day, and a repeat is not in them", async () => {
  const later = { occurredAtMs: now.getTime() + 60_000 };
  await accept([
    inRegion("1", "eu", { quantity: 5 }),
    inRegion("2", "us"),
    inRegion("3", null),
    inRegion("4", "eu", later),
  ]);
  await commit();
  // The guard has forgotten id 1: its repeat comes as far as the careful path.
  await accept([inRegion("1", "eu", { quantity: 5 }), inRegion("5", "eu")], 24 * 60 * 60 * 1000);
  expect(await commit()).toMatchObject({ wasCareful: true, repeats: 1 });
  const [eu, us] = [
    { value: '"eu"', quantity: 7, count: 3 },
    { value: '"us"', quantity: 1, count: 1 },
  ];
  expect(await groupsOf(1)).toEqual([{ ...eu, quantity: 6, count: 2 }, us, { ...eu, quantity: 1, count: 1 }]);
  expect((await groupsOf(1_440)).map(({ quantity }) => quantity)).toEqual([7, 1]);
  const hours = await query<{ quantity: number; event_count: number }>`
    select sum(quantity)::bigint as quantity, sum(event_count)::bigint as event_count from usage_hours
    where account_id = ${accountId}::text`;
  expect(hours).toEqual([{ quantity: 9, event_count: 5 }]);
});

test("the peak of each group, and of what has none", async () => {
  const level = { metric: "storage_bytes" };
  await accept([
    inRegion("1", "eu", { ...level, quantity: 4 }),
    inRegion("2", "eu", { ...level, quantity: 9 }),
    inRegion("3", null, { ...level, quantity: 6 }),
  ]);
  await commit();
  await accept([
    inRegion("4", "eu", { ...level, quantity: 7 }),
    inRegion("5", null, { ...level, quantity: 8 }),
  ]);
  await commit();
  expect(await groupsOf(1_440, "storage_bytes")).toEqual([
    { value: '"eu"', quantity: 9, count: 3 },
    { value: "null", quantity: 8, count: 2 },
  ]);
});

test("a key has 1,000 values a day; the rest are others, and nothing is lost", async () => {
  const many = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => inRegion(`${prefix}${index}`, `${prefix}${index}`));
  await accept(many("a", 900));
  await commit();
  await accept([...many("b", 200), inRegion("again", "a7")]);
  await commit();
  const rows = await groupsOf(1_440);
  expect(rows).toHaveLength(1_001);
  expect(rows.find(({ value }) => value === usageGroups.valueOfOthers)).toMatchObject({
    quantity: 100,
    count: 100,
  });
  expect(rows.find(({ value }) => value === '"a7"')).toMatchObject({ quantity: 2 });
  expect(rows.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(1_101);
});

test("minutes that are past their time are removed, some at a time, and nothing else", async () => {
  await accept([
    inRegion("1", "eu"),
    inRegion("2", "us"),
    inRegion("3", "eu", { occurredAtMs: now.getTime() - 120_000 }),
  ]);
  await commit();
  await query`delete from usage_groups where account_id <> ${accountId}::text`;
  expect(await usageGroups.deleteWindows(db, 1, new Date(now.getTime() - 90_000), 10)).toBe(1);
  expect(await usageGroups.deleteWindows(db, 1, new Date(now.getTime() + 60_000), 1)).toBe(1);
  expect(await groupsOf(1)).toHaveLength(1);
  expect(await groupsOf(60)).not.toEqual([]);
});
