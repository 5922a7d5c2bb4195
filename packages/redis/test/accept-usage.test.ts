import type { AccountLimits, UsageEvent } from "@driftlock/contracts";
import { quantityMax } from "@driftlock/contracts";
import { createTestRedis } from "@driftlock/devkit";
import { afterAll, beforeEach, expect, test } from "vitest";
import {
  type AcceptMode,
  acceptUsage,
  createRedis,
  type Decision,
  keys,
  parseRecords,
  putLimits,
  readCounters,
  readStream,
  seedCounters,
} from "../src/index.ts";
import { dayMs, eventOf, limitOf, limitsOf, nowMs, startMs } from "./usage-fixtures.ts";

const server = await createTestRedis();
const redis = createRedis({
  url: server.url,
  connectionName: "test",
  purpose: "requests",
  onConnectionError: () => {},
});
const position = { epoch: "", streamId: "0-0" };
const partition = 0;
const wallNowMs = 1_800_000_000_000;

beforeEach(async () => void (await redis.flushdb()));
afterAll(async () => {
  redis.disconnect();
  await server.drop();
});

const seed = (limits: AccountLimits, totals = [] as Parameters<typeof seedCounters>[2]["totals"]) =>
  seedCounters(redis, partition, { limits, totals, position });

async function decide(events: UsageEvent[], mode: AcceptMode = "each", at = wallNowMs): Promise<Decision[]> {
  const outcome = await acceptUsage(redis, { partition, mode, events, nowMs, wallNowMs: at });
  if (outcome.outcome !== "decided") throw new Error(`load ${outcome.accountIds.join()}`);
  return outcome.decisions;
}
const verdicts = async (...call: Parameters<typeof decide>) =>
  (await decide(...call)).map(({ verdict }) => verdict);
const used = async (accountId: string, metric = "events") =>
  (await readCounters(redis, { partition, accountId, nowMs }))?.used(startMs, metric);
const stored = async () => {
  const { entries } = await readStream(redis, { partition, after: position, bytesMax: 1_000_000 });
  return entries.flatMap(({ data }) => parseRecords(data));
};

test("nothing is decided without limits and counters, and nothing is written", async () => {
  await seed(limitsOf("known", { events: limitOf(5) }));
  const before = await redis.dbsize();
  const events = [eventOf("known", "1"), eventOf("unknown", "1")];
  expect(await acceptUsage(redis, { partition, mode: "each", events, nowMs, wallNowMs })).toEqual({
    outcome: "load",
    accountIds: ["unknown"],
  });
  expect(await redis.dbsize()).toBe(before);
  await redis.del(keys.live(partition, "known"));
  expect(await acceptUsage(redis, { partition, mode: "each", events, nowMs, wallNowMs })).toMatchObject({
    accountIds: ["known", "unknown"],
  });
});

test("limits past their end, or newer than the counters, are loaded first", async () => {
  const limits = limitsOf("a", { events: limitOf(5) });
  await seed(limits);
  const events = [eventOf("a", "1")];
  const call = { partition, mode: "each" as const, events, wallNowMs };
  expect(await acceptUsage(redis, { ...call, nowMs: limits.validUntilMs })).toMatchObject({
    outcome: "load",
  });
  expect(await putLimits(redis, { partitions: 1, limits: { ...limits, version: 2 } })).toBe(true);
  expect(await acceptUsage(redis, { ...call, nowMs })).toMatchObject({ outcome: "load" });
  expect(await putLimits(redis, { partitions: 1, limits })).toBe(false);
  expect(await seed(limits)).toBe(false);
});

test("a batch that crosses the limit is accepted in order up to it, and a smaller one still fits", async () => {
  await seed(limitsOf("a", { events: limitOf(10) }));
  const quantities = [4, 4, 4, 2, 1];
  const decisions = await decide(quantities.map((quantity, index) => eventOf("a", `${index}`, { quantity })));
  expect(decisions.map(({ verdict }) => verdict)).toEqual([
    "accepted",
    "accepted",
    "quota-exceeded",
    "accepted",
    "quota-exceeded",
  ]);
  expect(decisions[2]?.counter).toEqual({ used: 10, limit: 10, resetsAtMs: startMs + 30 * dayMs });
  expect(await used("a")).toBe(10);
  expect((await stored()).map(({ id }) => id)).toEqual(["0", "1", "3"]);
});

test("a repeat is a duplicate and another payload a conflict, in one batch and for ten minutes after", async () => {
  await seed(limitsOf("a", { events: limitOf(10) }));
  const events = [
    eventOf("a", "x"),
    eventOf("a", "x"),
    eventOf("a", "x", { quantity: 2 }),
    eventOf("a", "y"),
  ];
  expect(await verdicts(events)).toEqual(["accepted", "duplicate", "conflict", "accepted"]);
  const later = wallNowMs + 599_000;
  expect(await verdicts(events, "each", later)).toEqual(["duplicate", "duplicate", "conflict", "duplicate"]);
  expect(await used("a")).toBe(2);
});

test("the same id counts for each account", async () => {
  await seed(limitsOf("a", { events: limitOf(10) }));
  await seed(limitsOf("b", { events: limitOf(10) }));
  expect(await verdicts([eventOf("a", "x"), eventOf("b", "x")])).toEqual(["accepted", "accepted"]);
});

test("a refused id is not remembered", async () => {
  await seed(limitsOf("a", { events: limitOf(0) }));
  expect(await verdicts([eventOf("a", "x")])).toEqual(["quota-exceeded"]);
  await seed(limitsOf("a", { events: limitOf(1) }, 2));
  expect(await verdicts([eventOf("a", "x")])).toEqual(["accepted"]);
});

test("all or none: one item that does not fit leaves no trace of the others", async () => {
  await seed(limitsOf("a", { events: limitOf(5), alerts: limitOf(1) }));
  const items = [eventOf("a", "1", { quantity: 3 }), eventOf("a", "2", { metric: "alerts", quantity: 2 })];
  const refused = await decide(items, "all");
  expect(refused.map(({ verdict }) => verdict)).toEqual(["accepted", "quota-exceeded"]);
  expect(refused[0]?.counter).toMatchObject({ used: 0, limit: 5 });
  expect(await stored()).toEqual([]);
  const fitting = [items[0]!, eventOf("a", "2", { metric: "alerts" })];
  expect((await decide(fitting, "all")).map(({ counter }) => counter?.used)).toEqual([3, 1]);
  expect(await verdicts(fitting, "all")).toEqual(["duplicate", "duplicate"]);
});

test("a check writes nothing, and adds up the items of one metric", async () => {
  await seed(limitsOf("a", { events: limitOf(5) }));
  const item = (quantity: number) => eventOf("a", "", { quantity });
  expect(await verdicts([item(3), item(2)], "check")).toEqual(["accepted", "accepted"]);
  expect(await verdicts([item(3), item(3)], "check")).toEqual(["accepted", "quota-exceeded"]);
  expect(await used("a")).toBe(0);
  expect(await stored()).toEqual([]);
});

test("totals stay within 15 digits and exact up to there", async () => {
  await seed(limitsOf("a", { events: limitOf(null) }));
  const events = [quantityMax - 1, 2, 1, 1].map((quantity, index) => eventOf("a", `${index}`, { quantity }));
  expect(await verdicts(events)).toEqual(["accepted", "total-too-large", "accepted", "total-too-large"]);
  expect(await used("a")).toBe(quantityMax);
});

test("an event counts in the period of its timestamp", async () => {
  await seed(limitsOf("a", { events: limitOf(1) }));
  const nextMs = startMs + 30 * dayMs;
  const at = (id: string, occurredAtMs: number) => eventOf("a", id, { occurredAtMs });
  expect(
    await verdicts([
      at("1", nowMs),
      at("2", nextMs),
      at("3", nextMs),
      at("4", startMs - 1),
      at("5", nextMs * 2),
    ]),
  ).toEqual(["accepted", "accepted", "quota-exceeded", "period-closed", "no-period"]);
});

test("any Unicode and quotes survive the stream", async () => {
  await seed(limitsOf("a", { events: limitOf(null) }));
  const event = eventOf("a", `'"\\ 🦊 é`, { propertiesJson: '{"k":"\\"v\\""}' });
  expect(await verdicts([event])).toEqual(["accepted"]);
  expect(await stored()).toEqual([event]);
});
