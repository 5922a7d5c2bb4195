import { usageStreamPositions } from "@driftlock/db";
import { beforeEach, expect, test } from "vitest";
import { type PartitionWriter, startPartitionWriter } from "../src/flush/partition-writer.ts";
import { eventOf, openFileWorld, partitions } from "./world.ts";

const world = await openFileWorld();
const { db, redis, resources, accept, used, stored, query } = world;

let accountId: string;
let partition: number;
beforeEach(async () => void ({ accountId, partition } = await world.openNewAccount()));

const anHourLater = 60 * 60 * 1000;
/** So small that every entry fills a batch: each commit has the next one made ready beside it. */
const batchBytesMax = 1;

async function claim(): Promise<{ partition: number; fence: number }> {
  await query`update usage_stream_positions set leased_until = '-infinity'`;
  const leases = await usageStreamPositions.claimPartitions(db, {
    aggregator: "w",
    count: partitions,
    leaseMs: 0,
  });
  const fence = leases.find((lease) => lease.partition === partition)?.fence ?? 0;
  return { partition, fence };
}
const start = (lease: { partition: number; fence: number }, through = redis): PartitionWriter =>
  startPartitionWriter({ ...resources, redis: through, batchBytesMax }, lease);
const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 10_000, interval: 5 });

/** Five entries: three new, then a repeat past the guard with a new one, then a new one. */
async function fillStream(): Promise<void> {
  for (const id of ["1", "2", "3"]) await accept([eventOf(accountId, id, { quantity: 2 })]);
  await accept(
    [eventOf(accountId, "2", { quantity: 2 }), eventOf(accountId, "4", { quantity: 2 })],
    anHourLater,
  );
  await accept([eventOf(accountId, "5", { quantity: 2 })], anHourLater);
}
const whole = { records: 5, sum: 10, total: 10, minutes: 10 };

async function expectSettled(): Promise<void> {
  await eventually(() => stored(accountId)).toEqual(whole);
  await eventually(() => query`select 1 from usage_corrections`).toEqual([]);
  expect(await used(accountId)).toBe(10);
}

test("while a batch commits the next is made ready; whatever fails, each event is stored once and in order", async () => {
  await fillStream();
  await query`create sequence commits`;
  await query`create function fail_some() returns trigger language plpgsql as
    $$ begin if nextval('commits') in (2, 3, 5) then raise disk_full; end if; return null; end $$`;
  await query`create trigger fail_some before insert on usage_totals for each statement execute function fail_some()`;
  const writer = start(await claim());
  await expectSettled();
  await writer.stop();
  await query`drop trigger fail_some on usage_totals`;
  expect(await query`select 1 from usage_quarantine where account_id = ${accountId}`).toEqual([]);
  const leftovers = await world.nextBatch(partition);
  expect(leftovers.grouped.rows).toEqual([]);
});

test("of two that go on from the same position with one lease after the other, each event is stored once", async () => {
  await fillStream();
  const older = start(await claim());
  const newer = start(await claim());
  await expectSettled();
  await Promise.all([older.stop(), newer.stop()]);
});

test("dead between any two steps: whoever goes on makes it good", async () => {
  for (let livesFor = 0; livesFor < 24; livesFor++) {
    ({ accountId, partition } = await world.openNewAccount());
    await fillStream();
    const lease = await claim();
    const dying = start(lease, diesAfter(livesFor));
    await eventually(async () => dying.fault() !== null || (await stored(accountId)).records === 5).toBe(
      true,
    );
    await dying.stop();
    const next = start(await claim());
    await expectSettled();
    await next.stop();
  }
});

/** A Redis that answers so many commands more, and then none: for its caller that is what a death is to the others. */
function diesAfter(commands: number): typeof redis {
  let left = commands;
  const closed = () => Promise.reject(new Error("Connection is closed."));
  return new Proxy(redis, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...call: unknown[]): unknown => (left-- <= 0 ? closed() : Reflect.apply(member, target, call));
    },
  });
}
