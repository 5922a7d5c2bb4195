import type { AccountLimits, UsageEvent } from "@driftlock/contracts";
import { quantityMax } from "@driftlock/contracts";
import { expect, test } from "vitest";
import {
  type AcceptMode,
  acceptUsage,
  counterField,
  createReadLimits,
  type Decision,
  keys,
  putLimits,
  readCounters,
  resolveLimits,
} from "../src/index.ts";
import { openRedis } from "./open-redis.ts";
import {
  accept,
  dayMs,
  eventOf,
  limitOf,
  limitsOf,
  nowMs,
  readEntries,
  seed as seedAccount,
  startMs,
} from "./usage-fixtures.ts";

const redis = await openRedis();
const partition = 0;
const wallNowMs = 1_800_000_000_000;

const seed = (limits: AccountLimits) => seedAccount(redis, { limits });

async function decide(events: UsageEvent[], mode: AcceptMode = "each", at = wallNowMs): Promise<Decision[]> {
  const outcome = await accept(redis, events, { mode, wallNowMs: at });
  if (outcome.outcome !== "decided") throw new Error(`load ${outcome.accountIds.join()}`);
  return outcome.decisions;
}
const verdicts = async (...call: Parameters<typeof decide>) =>
  (await decide(...call)).map(({ verdict }) => verdict);
const used = async (accountId: string, metric = "events") =>
  (await readCounters(redis, { partition, accountId, nowMs }))?.used(startMs, metric);
const stored = async () => (await readEntries(redis)).flatMap(({ events }) => events);

test("nothing is decided without limits and counters, and nothing is written", async () => {
  await seed(limitsOf("known", { events: limitOf(5) }));
  const before = await redis.dbsize();
  const events = [eventOf("known", "1"), eventOf("unknown", "1")];
  expect(await accept(redis, events)).toEqual({ outcome: "load", accountIds: ["unknown"] });
  expect(await redis.dbsize()).toBe(before);
  await redis.del(keys.live(partition));
  expect(await accept(redis, events)).toMatchObject({ accountIds: ["known", "unknown"] });
});

test("limits past their end, or newer than the counters, are loaded first", async () => {
  const limits = limitsOf("a", { events: limitOf(5) });
  await seed(limits);
  const events = [eventOf("a", "1")];
  expect(await accept(redis, events, { now: limits.validUntilMs })).toMatchObject({ outcome: "load" });
  const cut = { ...limits.segments[0]!, endMs: startMs + dayMs };
  expect(await putLimits(redis, { partitions: 1, limits: { ...limits, version: 2, segments: [cut] } })).toBe(
    "unbuilt",
  );
  expect(await accept(redis, events)).toMatchObject({ outcome: "load" });
  expect(await putLimits(redis, { partitions: 1, limits })).toBe("older");
  expect(await seed(limits)).toBe(false);
});

test("limits that were resolved before the counters were lost or newer ones came decide nothing", async () => {
  const limits = limitsOf("a", { events: limitOf(5) });
  await seed(limits);
  const [resolved] = await createReadLimits()(redis, { partition, accountIds: ["a"], nowMs });
  const call = { partition, mode: "each" as const, wallNowMs, limitsOf: () => resolved };
  const decideWith = (id: string) => acceptUsage(redis, { ...call, events: [eventOf("a", id)] });
  expect(await decideWith("1")).toMatchObject({ outcome: "decided" });
  await redis.del(keys.live(partition));
  expect(await decideWith("2")).toEqual({ outcome: "load", accountIds: ["a"] });
  await seed(limits);
  await redis.hdel(keys.marks(partition), "a");
  expect(await decideWith("2")).toEqual({ outcome: "load", accountIds: ["a"] });
  await seed({ ...limits, version: 2 });
  expect(await decideWith("2")).toEqual({ outcome: "load", accountIds: ["a"] });
  await redis.hset(keys.meta(partition), "epoch", "next");
  expect(await accept(redis, [eventOf("a", "2")])).toMatchObject({ outcome: "load" });
  const other = resolveLimits(limits, "next");
  expect(await acceptUsage(redis, { ...call, events: [eventOf("a", "2")], limitsOf: () => other })).toEqual({
    outcome: "load",
    accountIds: ["a"],
  });
  expect(await stored()).toHaveLength(1);
});

test("limits of two epochs in one call are all loaded anew, whichever comes first", async () => {
  const [a, b] = [limitsOf("a", { events: limitOf(5) }), limitsOf("b", { events: limitOf(5) })];
  await seed(a);
  await seed(b);
  const [fresh] = await createReadLimits()(redis, { partition, accountIds: ["a"], nowMs });
  const stale = resolveLimits(b, "an epoch that is over");
  const limitsOfKnown = (accountId: string) => (accountId === "a" ? fresh : stale);
  for (const order of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    const events = order.map((accountId) => eventOf(accountId, "1"));
    expect(
      await acceptUsage(redis, { partition, mode: "each", events, wallNowMs, limitsOf: limitsOfKnown }),
    ).toEqual({ outcome: "load", accountIds: order });
  }
  expect(await stored()).toEqual([]);
});

test("new limits for the same segments keep the counters, and so does the next period", async () => {
  const limits = limitsOf("a", { events: limitOf(5) });
  await seed(limits);
  await verdicts([eventOf("a", "1", { quantity: 4 })]);
  const larger = limitsOf("a", { events: limitOf(9) }, 2);
  const next = { ...larger.segments[1]!, startMs: startMs + 60 * dayMs, endMs: startMs + 90 * dayMs };
  const put = { ...larger, segments: [...larger.segments, next] };
  expect(await putLimits(redis, { partitions: 1, limits: put })).toBe("built");
  expect(await used("a")).toBe(4);
  expect(await verdicts([eventOf("a", "2", { quantity: 5 }), eventOf("a", "3")])).toEqual([
    "accepted",
    "quota-exceeded",
  ]);
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
  expect(decisions[2]?.counter).toEqual({
    used: 10,
    held: 0,
    limit: 10,
    hardLimit: null,
    resetsAtMs: startMs + 30 * dayMs,
  });
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
  expect((await stored()).map(({ id, quantity }) => [id, quantity])).toEqual([
    ["x", 1],
    ["y", 1],
  ]);
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

test("of several checks in one call each stands alone, those of one account too", async () => {
  await seed(limitsOf("a", { events: limitOf(5) }));
  await seed(limitsOf("b", { events: limitOf(2) }));
  const item = (accountId: string, quantity: number) => eventOf(accountId, "", { quantity });
  const events = [item("a", 3), item("a", 3), item("a", 5), item("b", 2), item("a", 1)];
  const outcome = await accept(redis, events, { mode: "check", checks: [2, 1, 1, 1] });
  if (outcome.outcome !== "decided") throw new Error("not decided");
  expect(outcome.decisions.map(({ verdict, counter }) => [verdict, counter?.limit])).toEqual([
    ["accepted", 5],
    ["quota-exceeded", 5],
    ["accepted", 5],
    ["accepted", 2],
    ["accepted", 5],
  ]);
  expect(await accept(redis, [...events, item("c", 1)], { mode: "check", checks: [2, 1, 1, 1, 1] })).toEqual({
    outcome: "load",
    accountIds: ["c"],
  });
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

test("what is held is spoken for, and nothing else is", async () => {
  await seed(limitsOf("a", { events: limitOf(10), alerts: limitOf(null) }));
  await redis.hset(keys.held(partition), { [counterField("a", startMs, "events")]: 4 });
  await redis.hset(keys.held(partition), { [counterField("a", startMs, "alerts")]: 4 });
  const decisions = await decide([
    eventOf("a", "1", { quantity: 6 }),
    eventOf("a", "2"),
    eventOf("a", "3", { metric: "alerts" }),
  ]);
  expect(decisions.map(({ verdict }) => verdict)).toEqual(["accepted", "quota-exceeded", "accepted"]);
  expect(decisions[1]?.counter).toMatchObject({ used: 6, held: 4, limit: 10 });
});

test("a billed metric ends at its spend cap", async () => {
  await seed(limitsOf("a", { events: { ...limitOf(2, "bill"), hardLimit: 5 } }));
  expect(await verdicts([eventOf("a", "1", { quantity: 5 }), eventOf("a", "2")])).toEqual([
    "accepted",
    "quota-exceeded",
  ]);
});

test("unique counts a value once, whoever sends it again", async () => {
  await seed(limitsOf("a", { people: limitOf(2, "refuse", "unique") }));
  const by = (id: string, who: string) =>
    eventOf("a", id, { metric: "people", propertiesJson: JSON.stringify({ who }) });
  expect(await verdicts([by("1", "ann"), by("2", "ann"), by("3", "bob"), by("4", "cid")])).toEqual([
    "accepted",
    "accepted",
    "accepted",
    "quota-exceeded",
  ]);
  expect(await verdicts([by("5", "bob"), by("6", "cid")])).toEqual(["accepted", "quota-exceeded"]);
  expect(await used("a", "people")).toBe(2);
  await redis.hdel(keys.marks(partition), "a");
  expect(await seed(limitsOf("a", { people: limitOf(2, "refuse", "unique") }))).toBe(true);
  expect(await used("a", "people")).toBe(2);
  expect(await verdicts([by("7", "ann"), by("8", "cid")])).toEqual(["accepted", "quota-exceeded"]);
});

test("a thousand events with long ids and many payloads go in one call", async () => {
  await seed(limitsOf("a", { events: limitOf(null) }));
  const events = Array.from({ length: 1_000 }, (_, index) =>
    eventOf("a", `${index} ${(index % 2 === 0 ? "x" : "🦊").repeat(100)}`, {
      quantity: index,
      propertiesJson: JSON.stringify({ text: `${index}`.repeat(20) }),
    }),
  );
  expect(new Set(await verdicts(events))).toEqual(new Set(["accepted"]));
  expect(new Set(await verdicts(events))).toEqual(new Set(["duplicate"]));
  const changed = events.map((event) => ({ ...event, propertiesJson: null }));
  expect(new Set(await verdicts(changed))).toEqual(new Set(["conflict"]));
  expect(await stored()).toEqual(events);
});
