import { quantityMax } from "@driftlock/contracts";
import { keys } from "@driftlock/redis";
import { beforeEach, expect, test } from "vitest";
import { applyCorrections } from "../src/flush/apply-corrections.ts";
import { dayMs, eventOf, now, openFileWorld } from "./world.ts";

const world = await openFileWorld();
const { db, redis, accept, appendRows, used, stored, query } = world;

let accountId: string;
let partition: number;
beforeEach(async () => void ({ accountId, partition } = await world.openNewAccount("business")));

const commit = () => world.commit(partition);
const anHourLater = 60 * 60 * 1000;
const reasons = async () =>
  query<{ event_id: string; reason: string }>`
    select event_id, reason from usage_quarantine where account_id = ${accountId} order by event_id`;

test("other properties are a conflict; the same in another order of keys, or with another timestamp, a repeat", async () => {
  const withProperties = (id: string, propertiesJson: string | null, occurredAtMs = now.getTime()) =>
    eventOf(accountId, id, { propertiesJson, occurredAtMs });
  await appendRows(partition, [
    withProperties("1", '{"a":1,"b":"x"}'),
    withProperties("2", '{"a":1}'),
    withProperties("3", null),
  ]);
  await commit();
  await appendRows(partition, [
    withProperties("1", '{"b":"x","a":1}', now.getTime() - dayMs),
    withProperties("2", '{"a":2}'),
    withProperties("3", '{"a":1}'),
    eventOf(accountId, "4", { propertiesJson: '{"a":1}' }),
    eventOf(accountId, "4", { propertiesJson: '{"a":2}' }),
    eventOf(accountId, "5", { metric: "api_requests" }),
    eventOf(accountId, "5", { metric: "events" }),
  ]);
  expect(await commit()).toMatchObject({ events: 2, repeats: 1, quarantined: 4, wasCareful: true });
  expect(await reasons()).toEqual(["2", "3", "4", "5"].map((id) => ({ event_id: id, reason: "conflict" })));
  expect(await stored(accountId)).toMatchObject({ records: 4, total: 4 });
});

test("one poisoned row among a thousand is set aside, and only it", async () => {
  const events = Array.from({ length: 1_000 }, (_, index) =>
    eventOf(accountId, `n${index}`, {
      quantity: 2,
      ...(index === 617 && { propertiesJson: '{"a":"\\u0000"}' }),
    }),
  );
  await appendRows(partition, events);
  expect(await commit()).toMatchObject({ events: 999, repeats: 0, quarantined: 1, wasCareful: true });
  expect(await reasons()).toEqual([{ event_id: "n617", reason: "not-storable" }]);
  expect(await stored(accountId)).toEqual({ records: 999, sum: 1_998, total: 1_998, minutes: 1_998 });
});

test("what would take a total past 15 digits is set aside, and nothing of it is counted", async () => {
  await appendRows(partition, [eventOf(accountId, "1", { quantity: quantityMax - 10 })]);
  await commit();
  await appendRows(partition, [
    eventOf(accountId, "2", { quantity: 9 }),
    eventOf(accountId, "3", { quantity: 9 }),
    eventOf(accountId, "4", { metric: "api_requests", quantity: 3 }),
  ]);
  expect(await commit()).toMatchObject({ events: 2, quarantined: 1 });
  expect(await reasons()).toEqual([{ event_id: "3", reason: "not-storable" }]);
  const total = quantityMax - 1;
  expect(await stored(accountId)).toEqual({ records: 2, sum: total, total, minutes: total });
  expect(await stored(accountId, "api_requests")).toMatchObject({ records: 1, total: 3 });
});

test("a full disk says nothing of the events: none is set aside, and the batch is written when there is room", async () => {
  await query`create function refuse() returns trigger language plpgsql as
    $$ begin raise disk_full; end $$`;
  await query`create trigger refuse before insert on usage_totals for each statement execute function refuse()`;
  await appendRows(partition, [eventOf(accountId, "1"), eventOf(accountId, "1")]);
  await expect(commit()).rejects.toThrow("database");
  await query`drop trigger refuse on usage_totals`;
  expect(await commit()).toMatchObject({ events: 1, repeats: 1, quarantined: 0 });
});

test("`unique` counts each value of its property once a period, in the minute that saw it first", async () => {
  await query`insert into metrics (metric, name, aggregation, unit, unique_property, created_at)
    values ('seats', 'Seats', 'unique', 'seat', 'user', ${now}) on conflict do nothing`;
  const minuteMs = 60_000;
  const seat = (id: string, user: string | number | null, minutesAgo = 0) =>
    eventOf(accountId, id, {
      metric: "seats",
      propertiesJson: user === null ? null : JSON.stringify({ user }),
      occurredAtMs: now.getTime() - minutesAgo * minuteMs,
    });
  await appendRows(partition, [seat("1", "ann"), seat("2", "bob", 3), seat("3", "bob"), seat("4", null)]);
  await commit();
  expect(await stored(accountId, "seats")).toMatchObject({ records: 4, total: 2, minutes: 2 });
  await appendRows(partition, [seat("5", "bob"), seat("6", "eve"), seat("7", 7), seat("1", "ann")]);
  expect(await commit()).toMatchObject({ events: 3, repeats: 1 });
  expect(await stored(accountId, "seats")).toMatchObject({ records: 7, total: 4, minutes: 4 });
  const minutes = await query<{ quantity: number; event_count: number }>`
    select quantity, event_count from usage_minutes where account_id = ${accountId} order by minute_at`;
  expect(minutes).toEqual([
    { quantity: 1, event_count: 1 },
    { quantity: 3, event_count: 6 },
  ]);
});

test("after repeats the next batch goes the careful way at once, and stores the same", async () => {
  await accept([eventOf(accountId, "1"), eventOf(accountId, "2")]);
  await commit();
  await accept([eventOf(accountId, "1"), eventOf(accountId, "3")], anHourLater);
  const batch = await world.nextBatch(partition);
  expect(await world.commit(partition, batch, { expectsRepeats: true })).toMatchObject({
    events: 1,
    repeats: 1,
    wasCareful: true,
  });
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(3);
  await redis.hdel(keys.marks(partition), accountId);
  expect(await used(accountId)).toBe(3);
});
