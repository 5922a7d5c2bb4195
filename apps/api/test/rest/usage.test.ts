import { usagePeriods, usageRecords, usageTotals } from "@driftlock/db";
import { startPrivateRedis } from "@driftlock/devkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPayload } from "../../src/usage/validate-event.ts";
import { type Gateway, openGateway } from "../helpers.ts";

let gateway: Gateway;
let account: string;
let key: string;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => gateway.close());

/** Every test has an account of its own, on Free: 10,000 events, 100 alerts. */
async function open() {
  account = await gateway.openAccount();
  key = await gateway.addKey(["usage:write", "billing:read"], account);
}
const post = (body: unknown, headers?: Record<string, string>, bearer = key) =>
  gateway.request("POST", "/billing/usage", { bearer, body, ...(headers && { headers }) });
const usageOf = async (metric: string) => {
  const { body } = await gateway.request("GET", "/billing/usage", { bearer: key });
  return body.metrics.find((each: { metric: string }) => each.metric === metric);
};
const eventsOf = (count: number, prefix = "e") =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}-${index}`, metric: "events" }));

test("Free takes 10,000 events, refuses the next, and says of a repeat what it is", async () => {
  await open();
  const events = eventsOf(10_000);
  const nothing = { duplicates: 0, rejected: 0, results: [] };
  expect(await post(events)).toMatchObject({ status: 202, body: { accepted: 10_000, ...nothing } });
  const next = await post({ id: "next", metric: "events" });
  expect(next).toMatchObject({
    status: 429,
    body: { code: "QUOTA_EXCEEDED", outcome: "quota-exceeded", id: "next" },
  });
  const secondsOfDay = 24 * 60 * 60;
  expect(Number(next.headers.get("retry-after"))).toBeGreaterThan(27 * secondsOfDay);
  expect(Number(next.headers.get("retry-after"))).toBeLessThanOrEqual(31 * secondsOfDay);
  const again = await post({ events });
  expect(again).toMatchObject({ status: 202, body: { accepted: 0, duplicates: 10_000, rejected: 0 } });
  expect(again.body.results[42]).toMatchObject({
    index: 42,
    id: "e-42",
    outcome: "duplicate",
    code: "DUPLICATE",
  });
  expect(await post({ id: "e-7", metric: "events", quantity: 2 })).toMatchObject({
    status: 409,
    body: { code: "EVENT_CONFLICT" },
  });
  expect(await post(events[7])).toMatchObject({
    status: 202,
    body: { id: "e-7", outcome: "duplicate", duplicates: 1 },
  });
  expect(await usageOf("events")).toMatchObject({
    used: 10_000,
    limit: 10_000,
    remaining: 0,
    overagePolicy: "refuse",
  });
});

test("where a batch crosses the limit its events are accepted in order up to it", async () => {
  await open();
  const quantities = [60, 50, 30, 10, 1];
  const alerts = quantities.map((quantity, index) => ({ id: `a${index}`, metric: "alerts", quantity }));
  const { body } = await post(alerts);
  expect(body).toMatchObject({ accepted: 3, rejected: 2 });
  expect(
    body.results.map(({ index, outcome }: { index: number; outcome: string }) => [index, outcome]),
  ).toEqual([
    [1, "quota-exceeded"],
    [4, "quota-exceeded"],
  ]);
});

test("400 alerts at once: 100 are taken and not one more", async () => {
  await open();
  const statuses = await Promise.all(
    Array.from(
      { length: 400 },
      async (_, index) => (await post({ id: `c${index}`, metric: "alerts" })).status,
    ),
  );
  expect(statuses.filter((status) => status === 202)).toHaveLength(100);
  expect(statuses.filter((status) => status === 429)).toHaveLength(300);
  expect(await usageOf("alerts")).toMatchObject({ used: 100 });
});

/** As the aggregator writes it, and Redis with its guard is lost. */
async function storeAndForget(ids: readonly string[], metric: string) {
  const now = Date.now();
  const events = ids.map((id) => ({
    ...{
      id,
      accountId: account,
      metric,
      quantity: 50,
      occurredAtMs: now,
      receivedAtMs: now,
      propertiesJson: null,
    },
    payloadHash: hashPayload(metric, 50, null),
  }));
  const period = await usagePeriods.findPeriodAt(gateway.db, account, new Date());
  const total = { accountId: account, metric, quantity: 50 * ids.length, eventCount: ids.length };
  const at = { at: period!.periodStart, lastOccurredAt: new Date(now) };
  await gateway.db.transaction(async (tx) => {
    await usageRecords.copyRecords(tx, events);
    await usageTotals.upsertTotals(tx, "sum", [{ ...total, ...at }]);
  });
  const redis = new Redis(gateway.redisUrl);
  await redis.flushdb();
  redis.disconnect();
}

test("what was counted is never refused: with the quota spent and the guard lost a repeat is looked up", async () => {
  await open();
  await storeAndForget(["old-1", "old-2"], "alerts");
  const alert = (id: string, quantity: number) => ({ id, metric: "alerts", quantity });
  expect((await usageOf("alerts")).used).toBe(100);
  expect(await post(alert("old-1", 50))).toMatchObject({ status: 202, body: { outcome: "duplicate" } });
  expect(await post(alert("old-2", 49))).toMatchObject({ status: 409 });
  expect(await post(alert("new", 1))).toMatchObject({ status: 429 });
  const consumed = await gateway.request("POST", "/billing/quota/check", {
    bearer: key,
    body: { consume: true, items: [alert("old-1", 50), { metric: "events", id: "fresh" }] },
  });
  expect(consumed.body).toMatchObject({ allowed: true, items: [{ used: 100 }, { used: 1 }] });
  expect(await usageOf("events")).toMatchObject({ used: 1 });
});

test("NDJSON and CloudEvents are the same events in other clothes", async () => {
  await open();
  const ndjson = `{"id":"n1","metric":"alerts"}\r\n\nnot json\n{"id":"n2","metric":"alerts","quantity":2}`;
  expect(await post(ndjson, { "content-type": "application/x-ndjson; charset=utf-8" })).toMatchObject({
    status: 202,
    body: {
      accepted: 2,
      rejected: 1,
      results: [{ index: 1, id: null, outcome: "invalid", code: "INVALID_EVENT" }],
    },
  });
  expect((await post("nothing\nreadable", { "content-type": "application/x-ndjson" })).status).toBe(400);
  const cloudEvent = {
    specversion: "1.0",
    source: "/test",
    id: "n2",
    type: "alerts",
    subject: account,
    time: new Date().toISOString(),
    data: { quantity: 2 },
  };
  expect(await post(cloudEvent, { "content-type": "application/cloudevents+json" })).toMatchObject({
    status: 202,
    body: { outcome: "duplicate" },
  });
  const batch = [
    { ...cloudEvent, id: "n3" },
    { ...cloudEvent, data: { quantity: 3 } },
    { ...cloudEvent, data: "x" },
  ];
  expect(await post(batch, { "content-type": "application/cloudevents-batch+json" })).toMatchObject({
    status: 202,
    body: { accepted: 1, rejected: 2, results: [{ outcome: "conflict" }, { id: "n2", outcome: "invalid" }] },
  });
  expect(
    (await post({ ...cloudEvent, subject: "other" }, { "content-type": "application/cloudevents+json" }))
      .status,
  ).toBe(404);
  expect(await usageOf("alerts")).toMatchObject({ used: 5 });
});

const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();
const dayMs = 24 * 60 * 60 * 1000;

test.each([
  [{ id: "", metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: 7, metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "x".repeat(129), metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "🦊".repeat(129), metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "tab\tin it", metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "nul\u0000", metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "c1\u0085", metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "\ud800", metric: "events" }, 422, "INVALID_EVENT"],
  [{ id: "i" }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", quantity: -1 }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", quantity: 1.5 }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", quantity: "1" }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", quantity: null }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "api_requests", quantity: 1_000_000_000_000_000 }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: "yesterday" }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: "2026-02-30T00:00:00Z" }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: 1_700_000_000 }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: at(-36 * dayMs) }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: at(10 * 60_000) }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", timestamp: at(-10 * dayMs) }, 422, "PERIOD_CLOSED"],
  [{ id: "i", metric: "events", quantiy: 5 }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", properties: [] }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", properties: { a: {} } }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", properties: { a: "\u0000" } }, 422, "INVALID_EVENT"],
  [{ id: "i", metric: "events", properties: { a: "x".repeat(2_048) } }, 422, "INVALID_EVENT"],
  [
    { id: "i", metric: "events", properties: Object.fromEntries(eventsOf(21).map(({ id }) => [id, 1])) },
    422,
    "INVALID_EVENT",
  ],
  [{ id: "i", metric: "nothing" }, 422, "UNKNOWN_METRIC"],
  [{ id: "i", metric: "No Metric!" }, 422, "UNKNOWN_METRIC"],
  [{ id: "i", metric: "events", accountId: "somebody-else" }, 404, "ACCOUNT_NOT_FOUND"],
  [{ metric: "events" }, 422, "INVALID"],
  [{ events: "none" }, 422, "INVALID"],
  ["text", 422, "INVALID"],
])("%j is %i %s and leaves nothing behind", async (body, status, code) => {
  await open();
  expect(await post(JSON.stringify(body))).toMatchObject({ status, body: { code } });
  for (const metric of ["events", "api_requests"]) expect(await usageOf(metric)).toMatchObject({ used: 0 });
});

test.each([
  [`{"id":"\u00e9'\\"🦊","metric":"events"}`],
  [JSON.stringify({ id: "🦊".repeat(128), metric: "events", quantity: 0 })],
  [
    JSON.stringify({
      id: "i",
      metric: "events",
      timestamp: at(120_000),
      properties: { b: 1, a: null, c: "x", d: true },
    }),
  ],
  [`{"id":"i","metric":"events","timestamp":"${at(120_000).replace("Z", "+00:00")}"}`],
])("%s is taken", async (body) => {
  await open();
  expect(await post(body)).toMatchObject({ status: 202, body: { accepted: 1 } });
});

test("the order of properties and the timestamp are no part of the payload", async () => {
  await open();
  const event = { id: "p", metric: "events" };
  expect((await post({ ...event, properties: { a: 1, b: 2 } })).status).toBe(202);
  expect(
    (await post({ ...event, quantity: 1, timestamp: at(-1_000), properties: { b: 2, a: 1 } })).body.outcome,
  ).toBe("duplicate");
  expect((await post({ ...event, properties: { a: 1, b: 3 } })).status).toBe(409);
  expect((await post(event)).status).toBe(409);
});

test("a batch of 10,000 with one bad event loses that one only; 10,001 and 8 MiB are 413", async () => {
  await open();
  const events: object[] = eventsOf(10_000);
  events[5_000] = { id: "bad", metric: "events", quantity: -1 };
  const { body } = await post(events);
  expect(body).toMatchObject({
    accepted: 9_999,
    rejected: 1,
    results: [{ index: 5_000, id: "bad", outcome: "invalid" }],
  });
  expect(await post(eventsOf(10_001))).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } });
  expect((await post(`[${" ".repeat(8 * 1024 * 1024)}]`)).status).toBe(413);
  expect((await post("{")).status).toBe(400);
  expect((await post("hello", { "content-type": "text/plain" })).status).toBe(415);
  expect(await post([])).toMatchObject({ status: 202, body: { accepted: 0, results: [] } });
});

test("a service key acts for any account, named in each event", async () => {
  await open();
  const second = await gateway.openAccount();
  const events = [
    { id: "s", metric: "events", accountId: account },
    { id: "s", metric: "events", accountId: second },
    { id: "s", metric: "events" },
    { id: "s", metric: "events", accountId: "no-such-account" },
    { id: "s", metric: "events", accountId: "not an id" },
  ];
  const { body } = await post(events, undefined, gateway.serviceKey);
  expect(body).toMatchObject({ accepted: 2, rejected: 3 });
  expect(body.results.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    "invalid",
    "unknown-account",
    "unknown-account",
  ]);
  const operator = await post(events[0], undefined, gateway.operatorKey);
  expect(operator.status).toBe(403);
});

test("storage is a level: the period's value is its peak", async () => {
  await open();
  const levels = [5_000, 9_000, 2_000].map((quantity, index) => ({
    id: `l${index}`,
    metric: "storage_bytes",
    quantity,
  }));
  expect((await post(levels)).body.accepted).toBe(3);
  expect(await usageOf("storage_bytes")).toMatchObject({
    used: 9_000,
    limit: null,
    remaining: null,
    overagePolicy: "unlimited",
  });
});

test("totals stay within 15 digits", async () => {
  await open();
  const max = 999_999_999_999_999;
  const { body } = await post([
    { id: "1", metric: "api_requests", quantity: max },
    { id: "2", metric: "api_requests", quantity: 1 },
  ]);
  expect(body).toMatchObject({ accepted: 1, rejected: 1, results: [{ id: "2", outcome: "invalid" }] });
  expect(await usageOf("api_requests")).toMatchObject({ used: max });
});

test("entitlements and an empty series of an account on Free", async () => {
  await open();
  const entitlements = await gateway.request("GET", "/billing/entitlements", { bearer: key });
  expect(entitlements).toMatchObject({
    status: 200,
    body: {
      planId: "free",
      access: "full",
      features: { custom_dashboards: false, sso_integration: false },
      limits: { events: 10_000, alerts: 100, api_requests: null },
      retentionDays: 7,
    },
  });
  const series = (query: string) => gateway.request("GET", `/billing/usage/series?${query}`, { bearer: key });
  const plot = await series("metric=events&window=day&from=2026-01-01T12:00:00Z&to=2026-01-03T00:00:00Z");
  expect(plot.body).toMatchObject({ from: "2026-01-01T00:00:00.000Z", to: "2026-01-03T00:00:00.000Z" });
  expect(plot.body.points).toEqual([
    { at: "2026-01-01T00:00:00.000Z", quantity: 0, count: 0 },
    { at: "2026-01-02T00:00:00.000Z", quantity: 0, count: 0 },
  ]);
  expect((await series("metric=nothing")).status).toBe(422);
  expect(
    (await series("metric=events&window=minute&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z")).status,
  ).toBe(422);
  expect((await series("metric=events&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")).status).toBe(422);
});

test("with Redis away usage is 503 with Retry-After, and goes on when it is back", async () => {
  const redis = await startPrivateRedis();
  const lonely = await openGateway({ REDIS_URL: redis.url });
  const id = await lonely.openAccount();
  const bearer = await lonely.addKey(["usage:write", "billing:read"], id);
  const send = () =>
    lonely.request("POST", "/billing/usage", { bearer, body: { id: "r", metric: "events" } });
  expect((await send()).status).toBe(202);
  await redis.kill();
  const refused = await send();
  expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await redis.start();
  await expect.poll(async () => (await send()).body.outcome, { timeout: 10_000 }).toBe("duplicate");
  await lonely.close();
  await redis.close();
});
