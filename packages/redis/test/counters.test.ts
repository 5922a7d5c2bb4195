import { createTestRedis } from "@driftlock/devkit";
import { afterAll, beforeEach, expect, test } from "vitest";
import {
  acceptUsage,
  hasReached,
  readStreamEnd,
  correctCounters,
  createRedis,
  keys,
  readBacklog,
  readCounters,
  readStream,
  seedCounters,
  trimStream,
} from "../src/index.ts";
import { eventOf, limitOf, limitsOf, nowMs, startMs } from "./usage-fixtures.ts";

const server = await createTestRedis();
const redis = createRedis({
  url: server.url,
  connectionName: "test",
  purpose: "requests",
  onConnectionError: () => {},
});
const origin = { epoch: "", streamId: "0-0" };
const partition = 0;
const limits = limitsOf("a", {
  events: limitOf(null),
  peak: limitOf(null, "unlimited", "max"),
  level: limitOf(null, "unlimited", "last"),
  calls: limitOf(null, "unlimited", "count"),
});

beforeEach(async () => void (await redis.flushdb()));
afterAll(async () => {
  redis.disconnect();
  await server.drop();
});

const accept = (...events: Parameters<typeof acceptUsage>[1]["events"]) =>
  acceptUsage(redis, { partition, mode: "each", events, nowMs, wallNowMs: 0 });
const used = async (metric = "events") =>
  (await readCounters(redis, { partition, accountId: "a", nowMs }))?.used(startMs, metric);
const read = (after = origin) => readStream(redis, { partition, after, bytesMax: 1_000_000 });
const total = (quantity: number) => [
  { segmentStartMs: startMs, metric: "events", quantity, lastOccurredAtMs: nowMs },
];

test("a lost counter is built from the totals and the stream behind them", async () => {
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1", { quantity: 5 }), eventOf("a", "2", { metric: "peak", quantity: 9 }));
  const { epoch, entries } = await read();
  await accept(
    eventOf("a", "3", { quantity: 7 }),
    eventOf("a", "4", { metric: "peak", quantity: 3 }),
    eventOf("a", "5", { metric: "level", quantity: 8, occurredAtMs: nowMs - 1 }),
    eventOf("a", "6", { metric: "level", quantity: 6, occurredAtMs: nowMs - 2 }),
    eventOf("a", "7", { metric: "calls", quantity: 50 }),
  );
  const live = await Promise.all(["events", "peak", "level", "calls"].map(used));
  expect(live).toEqual([12, 9, 8, 1]);
  await redis.del(keys.live(partition, "a"));
  expect(await used()).toBeUndefined();
  const totals = [
    ...total(5),
    { segmentStartMs: startMs, metric: "peak", quantity: 9, lastOccurredAtMs: nowMs },
  ];
  const position = { epoch, streamId: entries[0]!.streamId };
  expect(await seedCounters(redis, partition, { limits, totals, position })).toBe(true);
  expect(await Promise.all(["events", "peak", "level", "calls"].map(used))).toEqual(live);
});

test("totals from before the cut of the stream are refused", async () => {
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1", { quantity: 5 }));
  const { epoch, entries } = await read();
  const committed = { epoch, streamId: entries[0]!.streamId };
  await trimStream(redis, partition, committed);
  await trimStream(redis, partition, { epoch, streamId: "0-1" });
  expect(await readBacklog(redis, 2)).toEqual([0, 0]);
  await redis.del(keys.live(partition, "a"));
  expect(
    await seedCounters(redis, partition, { limits, totals: [], position: { epoch, streamId: "0-1" } }),
  ).toBe(false);
  expect(await seedCounters(redis, partition, { limits, totals: total(5), position: committed })).toBe(true);
  expect(await used()).toBe(5);
});

test("a correction is applied once, and never to counters that were built after it", async () => {
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1", { quantity: 5 }));
  const { epoch, entries } = await read();
  const correction = {
    accountId: "a",
    position: { epoch, streamId: entries[0]!.streamId },
    isRebuild: false,
    deltas: [{ segmentStartMs: startMs, metric: "events", quantity: 2 }],
  };
  await correctCounters(redis, partition, correction);
  await correctCounters(redis, partition, correction);
  expect(await used()).toBe(3);
  await seedCounters(redis, partition, { limits, totals: total(3), position: correction.position });
  await correctCounters(redis, partition, correction);
  await correctCounters(redis, partition, { ...correction, position: { epoch: "other", streamId: "9-9" } });
  expect(await used()).toBe(3);
  await correctCounters(redis, partition, {
    ...correction,
    position: { epoch, streamId: "9999999999999-0" },
    isRebuild: true,
  });
  expect(await used()).toBeUndefined();
});

test("after the loss of everything another epoch begins, read from its beginning", async () => {
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1"));
  const before = await read();
  await redis.flushdb();
  expect(await read({ epoch: before.epoch, streamId: "9999999999999-0" })).toEqual({
    epoch: "",
    entries: [],
    isFull: false,
  });
  await seedCounters(redis, partition, {
    limits,
    totals: total(1),
    position: { epoch: before.epoch, streamId: "9999999999999-0" },
  });
  await accept(eventOf("a", "2"));
  const after = await read({ epoch: before.epoch, streamId: "9999999999999-0" });
  expect(after.epoch).not.toBe(before.epoch);
  expect(after.entries).toHaveLength(1);
  expect(await used()).toBe(2);
});

test("a Redis that came back without its newest part begins another epoch, and counters are built anew", async () => {
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1"));
  const { epoch } = await read();
  const page = await read({ epoch, streamId: "9999999999999-0" });
  expect(page.epoch).not.toBe(epoch);
  expect(page.entries).toHaveLength(1);
  expect(await used()).toBeUndefined();
  expect((await read({ epoch: page.epoch, streamId: "0-0" })).epoch).toBe(page.epoch);
});

test("what was accepted up to an instant is committed once the position has passed the stream's end of then", async () => {
  expect(await readStreamEnd(redis, partition)).toEqual({ epoch: "", streamId: "0-0" });
  await seedCounters(redis, partition, { limits, totals: [], position: origin });
  await accept(eventOf("a", "1"));
  const end = await readStreamEnd(redis, partition);
  expect(hasReached(origin, { end, present: end })).toBe(false);
  expect(hasReached({ ...end, streamId: "1-0" }, { end, present: end })).toBe(false);
  expect(hasReached(end, { end, present: end })).toBe(true);
  const present = { epoch: "next", streamId: "5-0" };
  expect(hasReached(origin, { end, present })).toBe(false);
  expect(hasReached({ epoch: "next", streamId: "1-0" }, { end, present })).toBe(true);
});
