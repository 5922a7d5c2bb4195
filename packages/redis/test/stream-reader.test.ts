import { beforeEach, expect, test } from "vitest";
import {
  acceptUsage,
  createReadLimits,
  keys,
  openStream,
  ReadLostError,
  type ReadPosition,
  readBacklog,
  readCommitted,
  trimStream,
  verifyStream,
} from "../src/index.ts";
import { openRedis } from "./open-redis.ts";
import { accept, eventOf, limitOf, limitsOf, nowMs, origin, readOn, seed } from "./usage-fixtures.ts";

const redis = await openRedis();
const partition = 0;
const meta = keys.meta(partition);
const stream = keys.stream(partition);
const nothing: ReadPosition = { ...origin, lastRead: "" };

beforeEach(async () => {
  await redis.hset(meta, "epoch", "one");
});

const add = async (data: string, id = "*") =>
  (await redis.xadd(stream, id, "v", "1", "a", " ", "d", data)) ?? "";

/** What a replica has at this moment: it takes over when the function that is returned is called. */
async function replicate(): Promise<() => Promise<void>> {
  const names = await redis.keys("*");
  const values = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
  return async () => {
    await redis.flushdb();
    for (const [index, name] of names.entries()) await redis.restore(name, 0, values[index] ?? "");
  };
}
const readAll = async (after: ReadPosition) => {
  const { epoch, read } = await openStream(redis, partition, after);
  const { entries } = await read(after, 1_000_000);
  return { epoch, data: entries.map(({ data }) => data.toString()) };
};

test("what is committed is lost, and new entries have passed it: another epoch, and all there is is read", async () => {
  await add("a");
  const first = await readOn(redis, nothing);
  await trimStream(redis, partition, first);
  await add("b");
  const failOver = await replicate();
  await add("c");
  const committed = await readOn(redis, first);
  await failOver();
  await add("d");
  await expect(trimStream(redis, partition, committed)).rejects.toThrow(ReadLostError);
  expect(await readBacklog(redis, 1)).toEqual([2]);
  expect(await readCommitted(redis, [partition])).toEqual([{ epoch: "one", streamId: first.streamId }]);
  const anew = await readAll(committed);
  expect(anew).toEqual({ epoch: expect.not.stringMatching("one"), data: ["b", "d"] });
  expect(await readCommitted(redis, [partition])).toEqual([{ epoch: anew.epoch, streamId: "0-0" }]);
  expect(await readAll(committed)).toEqual(anew);
  expect(await verifyStream(redis, partition, committed)).toBe(anew.epoch);
  const next = await readOn(redis, committed);
  expect(await verifyStream(redis, partition, next)).toBe(anew.epoch);
  await trimStream(redis, partition, next);
  expect(await readBacklog(redis, 1)).toEqual([0]);
});

test("a clock that is behind gives ids a second time: what has them now is read", async () => {
  await add("a", "10-0");
  const failOver = await replicate();
  await add("b", "20-0");
  await add("c", "30-0");
  const committed = await readOn(redis, nothing);
  await failOver();
  await add("x", "20-0");
  await add("y", "30-0");
  await expect(trimStream(redis, partition, committed)).rejects.toThrow(ReadLostError);
  expect((await readAll(committed)).data).toEqual(["a", "x", "y"]);
});

test("only what is not committed is lost: the epoch goes on", async () => {
  await add("a");
  const committed = await readOn(redis, nothing);
  await add("b");
  const failOver = await replicate();
  await add("c");
  const reader = await openStream(redis, partition, committed);
  expect((await reader.read(committed, 1_000_000)).entries).toHaveLength(2);
  await failOver();
  await add("d");
  await expect(reader.read(committed, 1_000_000)).rejects.toThrow(ReadLostError);
  await trimStream(redis, partition, committed);
  expect(await readAll(committed)).toEqual({ epoch: "one", data: ["b", "d"] });
});

test("a read whose reads before are lost does not go on, and one that died is made good by the next reader", async () => {
  const failOver = await replicate();
  const reader = await openStream(redis, partition, nothing);
  await add("a");
  const { lastRead } = await reader.read(nothing, 1);
  await failOver();
  const later = { epoch: "one", streamId: await add("b"), lastRead };
  await expect(reader.read(later, 1)).rejects.toThrow(ReadLostError);
  await expect(reader.read(nothing, 1)).rejects.toThrow(ReadLostError);
  expect(await readAll(nothing)).toEqual({ epoch: "one", data: ["b"] });
  expect((await readAll(later)).epoch).not.toBe("one");
});

test("of another life: begun anew for this position alone", async () => {
  await add("a");
  const committed = await readOn(redis, nothing);
  await redis.flushdb();
  const { epoch } = await openStream(redis, partition, committed);
  expect(epoch).not.toBe("one");
  expect(await verifyStream(redis, partition, committed)).toBe(epoch);
  const late = { ...committed, streamId: "9999999999999-0" };
  expect(await verifyStream(redis, partition, late)).not.toBe(epoch);
  await redis.flushdb();
  expect(await verifyStream(redis, partition, nothing)).toBe("");
  await redis.hset(meta, "epoch", "built");
  expect(await verifyStream(redis, partition, nothing)).toBe("built");
  expect(await verifyStream(redis, partition, committed)).not.toBe("built");
});

test("an epoch that was begun is lost with what was committed in it: another begins", async () => {
  await add("a");
  const first = await readOn(redis, nothing);
  const failOver = await replicate();
  await redis.flushdb();
  await openStream(redis, partition, first);
  await add("b");
  const committed = await readOn(redis, first);
  await failOver();
  const anew = await readAll(committed);
  expect(["one", committed.epoch]).not.toContain(anew.epoch);
  expect(anew.data).toEqual(["a"]);
});

test("readers that come and go lose nothing and do not pile up; nothing is written where nothing waits", async () => {
  await add("a");
  const committed = await readOn(redis, nothing);
  for (let readers = 0; readers < 20; readers++) expect((await readAll(committed)).epoch).toBe("one");
  expect(await redis.hlen(keys.reads(partition))).toBeLessThan(11);
  await trimStream(redis, partition, committed);
  const reader = await openStream(redis, partition, committed);
  const [first, second] = [await reader.read(committed, 1), await reader.read(committed, 1)];
  expect(second).toEqual(first);
  expect(first).toMatchObject({ entries: [], isFull: false });
});

test("once another epoch has begun, limits of the one before are to be loaded again", async () => {
  const limits = limitsOf("a", { events: limitOf(null) });
  expect(await seed(redis, { limits })).toBe(true);
  expect(await accept(redis, [eventOf("a", "1")])).toMatchObject({ outcome: "decided" });
  const committed = await readOn(redis, nothing);
  const [known] = await createReadLimits()(redis, { partition, accountIds: ["a"], nowMs });
  await redis.del(keys.reads(partition));
  await verifyStream(redis, partition, committed);
  const call = { partition, mode: "each", events: [eventOf("a", "2")], wallNowMs: 0 } as const;
  expect(await acceptUsage(redis, { ...call, limitsOf: () => known })).toEqual({
    outcome: "load",
    accountIds: ["a"],
  });
});
