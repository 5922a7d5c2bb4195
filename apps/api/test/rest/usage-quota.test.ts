import { usagePeriods, usageRecords, usageTotals } from "@driftlock/db";
import { rowBytesMax, writeRow } from "@driftlock/redis";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { eventsOf, openProducer } from "./producer.ts";

const gateway = await openFileGateway();

test("Free takes 10,000 events, refuses the next, and says of a repeat what it is", async () => {
  const { post, usageOf } = await openProducer(gateway);
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
  const { post } = await openProducer(gateway);
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
  const { post, usageOf } = await openProducer(gateway);
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
async function storeAndForget(account: string, ids: readonly string[], metric: string) {
  const nowMs = Date.now();
  const tuples = ids.map((id) => {
    const event = { id, accountId: account, metric, quantity: 50 };
    const times = { occurredAtMs: nowMs, receivedAtMs: nowMs };
    const row = { ...event, ...times, propertiesJson: null };
    const tuple = Buffer.alloc(rowBytesMax(row));
    return tuple.subarray(0, writeRow(tuple, 0, row));
  });
  const period = await usagePeriods.findPeriodAt(gateway.db, account, new Date());
  const total = { accountId: account, metric, quantity: 50 * ids.length, eventCount: ids.length };
  const of = { atMs: period!.periodStart.getTime(), lastOccurredAtMs: nowMs };
  await gateway.db.transaction(async (tx) => {
    await usageRecords.copyRecords(tx, "usage_records_1", Buffer.concat(tuples));
    await usageTotals.upsertTotals(tx, "add", [{ ...total, ...of }]);
  });
  const redis = new Redis(gateway.redisUrl);
  await redis.flushdb();
  redis.disconnect();
}

test("what was counted is never refused: with the quota spent and the guard lost a repeat is looked up", async () => {
  const { account, key, post, usageOf } = await openProducer(gateway);
  await storeAndForget(account, ["old-1", "old-2"], "alerts");
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

test("storage is a level: the period's value is its peak", async () => {
  const { post, usageOf } = await openProducer(gateway);
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
  const { post, usageOf } = await openProducer(gateway);
  const max = 999_999_999_999_999;
  const { body } = await post([
    { id: "1", metric: "api_requests", quantity: max },
    { id: "2", metric: "api_requests", quantity: 1 },
  ]);
  expect(body).toMatchObject({ accepted: 1, rejected: 1, results: [{ id: "2", outcome: "invalid" }] });
  expect(await usageOf("api_requests")).toMatchObject({ used: max });
});
