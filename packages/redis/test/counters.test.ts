import { expect, test } from "vitest";
import {
  correctCounters,
  counterField,
  hasReached,
  keys,
  putLimits,
  readBacklog,
  readCounters,
  readStreamEnd,
  seedCounters,
  trimStream,
} from "../src/index.ts";
import { openRedis } from "./open-redis.ts";
import {
  accept as acceptEvents,
  eventOf,
  limitOf,
  limitsOf,
  nowMs,
  origin,
  readEntries,
  readOn,
  seed as seedAccount,
  startMs,
} from "./usage-fixtures.ts";

const redis = await openRedis();
const partition = 0;
const limits = limitsOf("a", {
  events: limitOf(null),
  peak: limitOf(null, "unlimited", "max"),
  level: limitOf(null, "unlimited", "last"),
  calls: limitOf(null, "unlimited", "count"),
});

const accept = async (...events: Parameters<typeof acceptEvents>[1]) => {
  expect(await acceptEvents(redis, events)).toMatchObject({ outcome: "decided" });
};
const seed = (totals = [] as ReturnType<typeof total>, position = origin) =>
  seedAccount(redis, { limits, totals }, position);
const used = async (metric = "events") =>
  (await readCounters(redis, { partition, accountId: "a", nowMs }))?.used(startMs, metric);
const total = (quantity: number) => [
  { segmentStartMs: startMs, metric: "events", quantity, lastOccurredAtMs: nowMs },
];
/** Where the stream ends now. */
const end = () => readStreamEnd(redis, partition);

test("a lost counter is built from the totals and the stream behind them", async () => {
  await seed();
  await accept(eventOf("a", "1", { quantity: 5 }), eventOf("a", "2", { metric: "peak", quantity: 9 }));
  const position = await end();
  await accept(
    eventOf("a", "3", { quantity: 7 }),
    eventOf("a", "4", { metric: "peak", quantity: 3 }),
    eventOf("a", "5", { metric: "level", quantity: 8, occurredAtMs: nowMs - 1 }),
    eventOf("a", "6", { metric: "level", quantity: 6, occurredAtMs: nowMs - 2 }),
    eventOf("a", "7", { metric: "calls", quantity: 50 }),
  );
  const live = await Promise.all(["events", "peak", "level", "calls"].map(used));
  expect(live).toEqual([12, 9, 8, 1]);
  await redis.del(keys.live(partition));
  expect(await used()).toBeUndefined();
  const totals = [
    ...total(5),
    { segmentStartMs: startMs, metric: "peak", quantity: 9, lastOccurredAtMs: nowMs },
  ];
  expect(await seed(totals, position)).toBe(true);
  expect(await Promise.all(["events", "peak", "level", "calls"].map(used))).toEqual(live);
});

test("totals from before the cut of the stream are refused", async () => {
  await seed();
  await accept(eventOf("a", "1", { quantity: 5 }));
  const committed = await readOn(redis, { ...origin, lastRead: "" });
  await trimStream(redis, partition, committed);
  await trimStream(redis, partition, { ...committed, streamId: "0-1" });
  expect(await readBacklog(redis, 2)).toEqual([0, 0]);
  await redis.del(keys.live(partition));
  expect(await seed([], { ...committed, streamId: "0-1" })).toBe(false);
  expect(await seed(total(5), committed)).toBe(true);
  expect(await used()).toBe(5);
});

test("a correction is applied once, and never to counters that were built after it", async () => {
  await seed();
  await accept(eventOf("a", "1", { quantity: 5 }));
  const correction = {
    accountId: "a",
    position: await end(),
    isRebuild: false,
    deltas: [{ segmentStartMs: startMs, metric: "events", quantity: 2 }],
  };
  await correctCounters(redis, partition, correction);
  await correctCounters(redis, partition, correction);
  expect(await used()).toBe(3);
  await seed(total(3), correction.position);
  await correctCounters(redis, partition, correction);
  await correctCounters(redis, partition, { ...correction, position: { epoch: "other", streamId: "9-9" } });
  expect(await used()).toBe(3);
  await correctCounters(redis, partition, {
    ...correction,
    position: { ...correction.position, streamId: "9999999999999-0" },
    isRebuild: true,
  });
  expect(await used()).toBeUndefined();
});

test("after the loss of everything another epoch begins, and totals of the old one hold nothing of it", async () => {
  await seed();
  await accept(eventOf("a", "1"));
  const before = await end();
  await redis.flushdb();
  await seed(total(1), before);
  await accept(eventOf("a", "2"));
  expect((await end()).epoch).not.toBe(before.epoch);
  expect(await used()).toBe(2);
  await redis.hdel(keys.marks(partition), "a");
  expect(await seed(total(1), before)).toBe(true);
  expect(await used()).toBe(2);
});

test("counters of an epoch that is over are gone with it, everybody's", async () => {
  await seed();
  await accept(eventOf("a", "1"));
  await redis.hset(keys.meta(partition), "epoch", "next");
  expect(await used()).toBeUndefined();
  const other = limitsOf("b", { events: limitOf(1) });
  expect(await seedAccount(redis, { limits: other })).toBe(true);
  expect((await redis.hkeys(keys.marks(partition))).sort()).toEqual([":", "b"]);
  expect((await redis.hkeys(keys.live(partition))).sort()).toEqual([":", "epoch"]);
  await seed();
  expect(await used()).toBe(1);
});

test("a long tail is counted in several calls, several accounts at once, and to the last event", async () => {
  const people = { ...limits, accountId: "people" };
  const metrics = { people: limitOf(null, "unlimited", "unique") };
  const uniques = limitsOf("people", metrics);
  await seed();
  await seedAccount(redis, { limits: uniques });
  const filler = JSON.stringify({ filler: "x".repeat(1_900) });
  for (let call = 0; call < 6; call++) {
    await accept(
      ...Array.from({ length: 300 }, (_, index) =>
        eventOf("a", `${call}-${index}`, { propertiesJson: filler, occurredAtMs: nowMs - index }),
      ),
      eventOf("people", `${call}`, {
        metric: "people",
        propertiesJson: JSON.stringify({ filler: "y", who: call % 4 }),
      }),
    );
  }
  await redis.del(keys.live(partition));
  const accounts = [
    { limits, totals: total(1_000) },
    {
      limits: uniques,
      totals: [],
      uniques: [{ segmentStartMs: startMs, metric: "people", values: ["3", "ann", "bob"] }],
    },
  ];
  expect(await seedCounters(redis, partition, { accounts, position: origin })).toEqual([]);
  expect(await used()).toBe(2_800);
  const live = await readCounters(redis, { partition, accountId: people.accountId, nowMs });
  expect(live?.used(startMs, "people")).toBe(6);
  const set = keys.unique(partition, counterField("people", startMs, "people"));
  expect((await redis.smembers(set)).sort()).toEqual(["0", "1", "2", "3", "ann", "bob"]);
  expect(await redis.ttl(set)).toBe(-1);
  expect(await redis.keys(`${set}:*`)).toEqual([]);
});

test("an entry that holds no rows is counted by nobody and stops nobody", async () => {
  await seed();
  await accept(eventOf("a", "1", { quantity: 2 }));
  await redis.xadd(keys.stream(partition), "*", "v", "1", "a", " a ", "d", "no rows");
  await redis.hdel(keys.marks(partition), "a");
  expect(await seed()).toBe(true);
  expect(await used()).toBe(2);
  await expect(readEntries(redis)).rejects.toThrow("not a row");
});

test("counters that left the limits take no room", async () => {
  await seed();
  await accept(eventOf("a", "1"), eventOf("a", "2", { metric: "level", quantity: 3 }));
  const fewer = limitsOf("a", { events: limitOf(null) }, 2);
  expect(await putLimits(redis, { partitions: 1, limits: fewer })).toBe("built");
  expect((await redis.hkeys(keys.live(partition))).sort()).toEqual([
    ":",
    counterField("a", startMs, "events"),
    "epoch",
  ]);
});

test("what was accepted up to an instant is committed once the position has passed the stream's end of then", async () => {
  expect(await readStreamEnd(redis, partition)).toEqual({ epoch: "", streamId: "0-0" });
  await seed();
  await accept(eventOf("a", "1"));
  const end = await readStreamEnd(redis, partition);
  expect(hasReached(origin, { end, present: end })).toBe(false);
  expect(hasReached({ ...end, streamId: "1-0" }, { end, present: end })).toBe(false);
  expect(hasReached(end, { end, present: end })).toBe(true);
  const present = { epoch: "next", streamId: "5-0" };
  expect(hasReached(origin, { end, present })).toBe(false);
  expect(hasReached({ epoch: "next", streamId: "1-0" }, { end, present })).toBe(false);
  expect(hasReached({ epoch: "next", streamId: "5-0" }, { end, present })).toBe(true);
  const later = { epoch: "next", streamId: "9999999999999-0" };
  expect(hasReached({ ...end, epoch: "next" }, { end, present: later })).toBe(true);
  expect(hasReached(origin, { end, present: { epoch: "next", streamId: "0-0" } })).toBe(true);
});
