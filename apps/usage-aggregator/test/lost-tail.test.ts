import { usageStreamPositions } from "@driftlock/db";
import { keys } from "@driftlock/redis";
import { beforeEach, expect, test } from "vitest";
import { startPartitionWriter } from "../src/flush/partition-writer.ts";
import { eventOf, openFileWorld, partitions } from "./world.ts";

const world = await openFileWorld();
const { db, redis, resources, accept, used, stored, query } = world;

let accountId: string;
let partition: number;
const openAccount = async () => void ({ accountId, partition } = await world.openNewAccount());
beforeEach(openAccount);

/** What a replica has at this moment: it takes over when the function that is returned is called. */
async function replicate(): Promise<() => Promise<void>> {
  const names = await redis.keys("*");
  const values = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
  return async () => {
    const transaction = redis.multi().flushdb();
    for (const [index, name] of names.entries()) transaction.restore(name, 0, values[index] ?? "");
    await transaction.exec();
  };
}

async function start(through = redis, batchBytesMax = 1) {
  await query`update usage_stream_positions set leased_until = '-infinity'`;
  const claimed = { aggregator: "w", count: partitions, leaseMs: 0 };
  const leases = await usageStreamPositions.claimPartitions(db, claimed);
  const fence = leases.find((lease) => lease.partition === partition)?.fence ?? 0;
  return startPartitionWriter({ ...resources, redis: through, batchBytesMax }, { partition, fence });
}
const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 10_000, interval: 5 });
const send = (...ids: string[]) => accept(ids.map((id) => eventOf(accountId, id, { quantity: 2 })));

/** Everything that is in the stream is stored, the counters say the same, and once more when they are built anew. */
async function expectSettled(records: number): Promise<void> {
  const sum = 2 * records;
  await eventually(() => stored(accountId)).toEqual({ records, sum, total: sum, minutes: sum });
  await eventually(() => redis.xlen(keys.stream(partition))).toBe(0);
  await eventually(() => query`select 1 from usage_corrections`).toEqual([]);
  await eventually(() => used(accountId)).toBe(sum);
  await redis.hdel(keys.marks(partition), accountId);
  expect(await used(accountId)).toBe(sum);
}

test("what is committed is lost from Redis, and new events are accepted before anybody looks", async () => {
  await send("1", "2");
  const failOver = await replicate();
  await send("3");
  await send("4");
  const writer = await start();
  await expectSettled(4);
  await writer.stop();
  await failOver();
  expect(await send("5", "3")).toEqual(["accepted", "accepted"]);
  const next = await start();
  await expectSettled(5);
  await next.stop();
});

test("the same beneath a writer that lives", async () => {
  await send("1");
  const writer = await start();
  await expectSettled(1);
  const failOver = await replicate();
  await send("2");
  await expectSettled(2);
  const before = await redis.hget(keys.meta(partition), "epoch");
  await failOver();
  await send("3");
  await expectSettled(3);
  expect(await redis.hget(keys.meta(partition), "epoch")).not.toBe(before);
  expect(writer.fault()).toBeNull();
  await writer.stop();
});

test("a replica whose clock is behind gives committed ids to new events: none is lost", async () => {
  await send("1");
  const failOver = await replicate();
  await send("2");
  const writer = await start();
  await expectSettled(2);
  await writer.stop();
  const { streamId } = await world.position(partition);
  await failOver();
  await send("3");
  const [[id, fields] = ["", []]] = await redis.xrevrangeBuffer(keys.stream(partition), "+", "-", "COUNT", 1);
  // XSETID and XADD as the other clock would have it: the committed id itself.
  await redis.xdel(keys.stream(partition), id.toString());
  const [[oldest] = [""]] = await redis.xrange(keys.stream(partition), "-", "+", "COUNT", 1);
  await redis.call("XSETID", keys.stream(partition), oldest);
  await redis.xadd(keys.stream(partition), streamId, ...fields);
  const next = await start();
  await expectSettled(3);
  await next.stop();
});

test("lost between any two steps of a writer: whatever the stream still has is stored once, and counted", async () => {
  for (let step = 1; step < 24; step++) {
    await openAccount();
    await send("1");
    const failOver = await replicate();
    await send("2");
    let isOver = false;
    const through = beforeCommand(step, async () => {
      await failOver();
      await send("3");
      isOver = true;
    });
    const writer = await start(through);
    await eventually(async () => isOver).toBe(true);
    await eventually(async () => (await stored(accountId)).records).toBeGreaterThanOrEqual(2);
    await eventually(() => redis.xlen(keys.stream(partition))).toBe(0);
    await send("2", "3");
    await expectSettled(3);
    await writer.stop();
  }
}, 60_000);

/** A Redis in whose place another one takes over before its nth command. */
function beforeCommand(number: number, takeOver: () => Promise<void>): typeof redis {
  let commands = 0;
  const send = (command: () => unknown) => (++commands === number ? takeOver().then(command) : command());
  return new Proxy(redis, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...call: unknown[]): unknown => send(() => Reflect.apply(member, target, call));
    },
  });
}
