import { usageStreamPositions } from "@driftlock/db";
import { keys } from "@driftlock/redis";
import { beforeEach, expect, test } from "vitest";
import { applyCorrections } from "../src/flush/apply-corrections.ts";
import { commitBatch, PositionMovedError, StaleOwnerError } from "../src/flush/commit-batch.ts";
import { startPartitionWriter } from "../src/flush/partition-writer.ts";
import { eventOf, now, openedAt, openFileWorld, partitions } from "./world.ts";

const world = await openFileWorld();
const { db, redis, resources, accept, used, stored, query } = world;

let accountId: string;
let partition: number;
beforeEach(async () => void ({ accountId, partition } = await world.openNewAccount()));

const nextBatch = () => world.nextBatch(partition);
const commit = () => world.commit(partition);
const anHourLater = 60 * 60 * 1000;

test("records, totals and minutes are written together, and the position moves", async () => {
  const minute = 60_000;
  await accept([
    eventOf(accountId, "1", { quantity: 5 }),
    eventOf(accountId, "2", {
      quantity: 7,
      occurredAtMs: now.getTime() - 3 * minute,
      propertiesJson: '{"a":"\\\\t"}',
    }),
    eventOf(accountId, "3", { metric: "storage_bytes", quantity: 9 }),
    eventOf(accountId, "4", { metric: "storage_bytes", quantity: 4 }),
    eventOf(accountId, `\\N '"🦊`),
  ]);
  expect(await commit()).toMatchObject({ events: 5, repeats: 0, quarantined: 0, wasCareful: false });
  expect(await stored(accountId)).toEqual({ records: 3, sum: 13, total: 13, minutes: 13 });
  expect(await stored(accountId, "storage_bytes")).toMatchObject({ total: 9 });
  const ids = await query<{ event_id: string; properties: unknown }>`
    select event_id, properties from usage_records where account_id = ${accountId} order by event_id`;
  expect(ids.map((row) => row.event_id)).toContain(`\\N '"🦊`);
  expect(ids.find((row) => row.event_id === "2")?.properties).toEqual({ a: "\\t" });
  expect((await nextBatch()).grouped.rows).toEqual([]);
});

test("a crash between commit and acknowledgement: the same batch again is refused whole", async () => {
  // From the second one on it is the stream's id alone that has moved: the epoch is the batch's already.
  for (let batches = 1; batches <= 2; batches++) {
    await accept([eventOf(accountId, `${batches}`), eventOf(accountId, `${batches}b`)]);
    const batch = await nextBatch();
    await world.commit(partition, batch);
    await expect(world.commit(partition, batch)).rejects.toThrow(PositionMovedError);
    expect(await stored(accountId)).toMatchObject({ records: 2 * batches, total: 2 * batches });
  }
});

test("an owner that was stopped for longer than its lease cannot write any more", async () => {
  await accept([eventOf(accountId, "1")]);
  const [batch, { fence }] = [await nextBatch(), await world.position(partition)];
  await usageStreamPositions.claimPartitions(db, { aggregator: "another", count: partitions, leaseMs: 0 });
  await expect(commitBatch(resources, batch, { partition, fence })).rejects.toThrow(StaleOwnerError);
  expect(await stored(accountId)).toMatchObject({ records: 0, total: 0 });
  expect(await commit()).toMatchObject({ events: 1 });
});

test("a repeat past the guard is dropped and the live counter corrected, once", async () => {
  await accept([eventOf(accountId, "1", { quantity: 3 }), eventOf(accountId, "2", { quantity: 4 })]);
  await commit();
  const verdicts = await accept(
    [eventOf(accountId, "1", { quantity: 3 }), eventOf(accountId, "3", { quantity: 5 })],
    anHourLater,
  );
  expect(verdicts).toEqual(["accepted", "accepted"]);
  expect(await used(accountId)).toBe(15);
  expect(await commit()).toMatchObject({
    events: 1,
    repeats: 1,
    quarantined: 0,
    wasCareful: true,
    hasCorrections: true,
  });
  expect(await stored(accountId)).toEqual({ records: 3, sum: 12, total: 12, minutes: 12 });
  await applyCorrections({ db, redis }, partition);
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(12);
});

test("a crash before the correction: whoever goes on applies it", async () => {
  await accept([eventOf(accountId, "1", { quantity: 3 })]);
  await commit();
  await accept([eventOf(accountId, "1", { quantity: 3 })], anHourLater);
  await commit();
  // The counter is lost too, and built from totals that know of the drop already: nothing may be taken back twice.
  await redis.hdel(keys.marks(partition), accountId);
  expect(await used(accountId)).toBe(3);
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(3);
});

test("another payload past the guard goes to quarantine, and only it", async () => {
  await accept([eventOf(accountId, "1", { quantity: 3 })]);
  await commit();
  await accept([eventOf(accountId, "1", { quantity: 30 }), eventOf(accountId, "2")], anHourLater);
  expect(await commit()).toMatchObject({ events: 1, repeats: 0, quarantined: 1 });
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(4);
  const rows =
    await query`select event_id, reason, payload->>'quantity' as quantity from usage_quarantine where account_id = ${accountId}`;
  expect(rows).toEqual([{ event_id: "1", reason: "conflict", quantity: "30" }]);
  expect(await stored(accountId)).toEqual({ records: 2, sum: 4, total: 4, minutes: 4 });
});

test("a conflicting level is taken back by building the counter anew", async () => {
  await accept([eventOf(accountId, "1", { metric: "storage_bytes", quantity: 3 })]);
  await commit();
  await accept([eventOf(accountId, "1", { metric: "storage_bytes", quantity: 30 })], anHourLater);
  expect(await used(accountId, "storage_bytes")).toBe(30);
  await commit();
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId, "storage_bytes")).toBe(3);
});

test("what cannot be stored is narrowed down, set aside with its reason, and blocks nothing", async () => {
  await accept(Array.from({ length: 20 }, (_, index) => eventOf(accountId, `g${index}`)));
  await world.appendRows(partition, [
    eventOf(accountId, "huge", { quantity: 5_000_000_000_000_000 }),
    eventOf(accountId, "x", { metric: "gone" }),
    eventOf("nobody", "y"),
    eventOf(accountId, "no\u0000text"),
    eventOf(accountId, "no json", { propertiesJson: "{" }),
  ]);
  await world.appendRows(partition, Buffer.from("half"));
  await accept([eventOf(accountId, "after")]);
  expect(await commit()).toMatchObject({ events: 21, quarantined: 6, wasCareful: true });
  expect(await stored(accountId)).toEqual({ records: 21, sum: 21, total: 21, minutes: 21 });
  const rows = await query<{
    reason: string;
  }>`select reason from usage_quarantine where account_id in (${accountId}, 'nobody')
    or account_id is null order by reason`;
  expect(rows.map(({ reason }) => reason)).toEqual([
    "no-period",
    "not-storable",
    "not-storable",
    "not-storable",
    "unknown-metric",
    "unreadable",
  ]);
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(21);
});

test("an event counts in the period of its timestamp, cut at the exact instant", async () => {
  const [{ period_end: end }] = (await query<{ period_end: Date }>`
    select period_end from usage_periods where account_id = ${accountId} order by period_start`) as [
    { period_end: Date },
  ];
  await accept([
    eventOf(accountId, "1", { quantity: 2, occurredAtMs: openedAt.getTime() }),
    eventOf(accountId, "2", { quantity: 3, occurredAtMs: end.getTime() - 1 }),
    eventOf(accountId, "3", { quantity: 5, occurredAtMs: end.getTime() }),
  ]);
  await commit();
  const totals =
    await query`select period_start, quantity, event_count from usage_totals where account_id = ${accountId} order by period_start`;
  expect(totals).toEqual([
    { period_start: openedAt, quantity: 5, event_count: 2 },
    { period_start: end, quantity: 5, event_count: 1 },
  ]);
});

test("counters built from older totals while a batch is being settled do not keep its repeats", async () => {
  await accept([eventOf(accountId, "1", { quantity: 3 })]);
  await commit();
  await accept([eventOf(accountId, "1", { quantity: 3 })], anHourLater);
  const [seedOlder] = await world.takeSnapshots([accountId]);
  // A gateway that took its snapshot before the commit gets to Redis before each call of the writer.
  const raced = new Proxy(redis, {
    get: (target, name) =>
      name === "evalsha"
        ? async (...call: Parameters<typeof redis.evalsha>) => {
            await seedOlder!();
            return target.evalsha(...call);
          }
        : Reflect.get(target, name, target),
  });
  const claim = { aggregator: "writer", count: partitions, leaseMs: 0 };
  const lease = (await usageStreamPositions.claimPartitions(db, claim)).find(
    (each) => each.partition === partition,
  );
  await startPartitionWriter({ ...resources, redis: raced }, lease!).stop();
  expect(await stored(accountId)).toMatchObject({ records: 1, total: 3 });
  expect(await used(accountId)).toBe(3);
});

test("a deadlock on the careful way says nothing of the events: the batch is written again", async () => {
  await accept([eventOf(accountId, "1")]);
  await commit();
  await query`create sequence conflicts`;
  await query`create function fail_once() returns trigger language plpgsql as
    $$ begin if nextval('conflicts') = 1 then raise deadlock_detected; end if; return null; end $$`;
  await query`create trigger fail_once before insert on usage_totals for each statement execute function fail_once()`;
  await accept([eventOf(accountId, "1"), eventOf(accountId, "2")], anHourLater);
  const report = await commit();
  await query`drop trigger fail_once on usage_totals`;
  expect(report).toMatchObject({ events: 1, repeats: 1, quarantined: 0, wasCareful: true });
  expect(await stored(accountId)).toMatchObject({ records: 2, total: 2 });
});
