import { applyStripeEvent } from "@driftlock/contracts";
import { createLogger, createMetrics } from "@driftlock/runtime";
import { createConsumer, processor } from "@driftlock/runtime/queue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRedis } from "@driftlock/redis";
import { invoiceEvent, olderSecret, openIngester, sign } from "./helpers.ts";

let ingester: Awaited<ReturnType<typeof openIngester>>;
beforeEach(async () => {
  ingester = await openIngester();
});
afterEach(() => ingester.life.close());

test("a signed event is queued once, however often it is delivered, under each of the secrets", async () => {
  const body = JSON.stringify(invoiceEvent());
  const first = await ingester.post(body, sign(body));
  expect([first.statusCode, first.json()]).toEqual([200, { received: true }]);
  expect((await ingester.post(body, sign(body, { key: olderSecret }), "text/plain")).statusCode).toBe(200);
  expect(await ingester.queued()).toBe(1);
});

test("the worker gets the hint, and no copy of the object", async () => {
  const event = invoiceEvent();
  const body = JSON.stringify(event);
  await ingester.post(body, sign(body));
  const seen: unknown[] = [];
  const connection = createRedis({
    url: ingester.redisUrl,
    connectionName: "consumer",
    purpose: "queues",
    onConnectionError: () => {},
  });
  const consumer = createConsumer({
    connection,
    queue: "stripe-events",
    processors: [processor(applyStripeEvent, async (payload) => void seen.push(payload))],
    concurrency: 1,
    log: createLogger({ name: "test", level: "silent" }),
    metrics: createMetrics("test"),
  });
  await vi.waitFor(() => expect(seen).toHaveLength(1), { timeout: 10_000 });
  expect(seen[0]).toEqual({
    eventId: event.id,
    kind: "snapshot",
    type: "invoice.paid",
    apiVersion: "2026-10-28.endive",
    objectType: "invoice",
    objectId: "in_1",
    customerId: "cus_1",
    isLive: false,
  });
  await consumer.close();
  connection.disconnect();
});

test("a thin event is told apart, and one of an unknown type is queued too", async () => {
  const thin = {
    id: "evt_thin",
    object: "v2.core.event",
    type: "v1.billing.meter.error_report_triggered",
    created: "2026-11-01T00:00:00Z",
    livemode: false,
    related_object: { id: "mtr_1", type: "billing.meter", url: "/v1/billing/meters/mtr_1" },
  };
  for (const event of [thin, invoiceEvent("price.updated")]) {
    const body = JSON.stringify(event);
    expect((await ingester.post(body, sign(body))).statusCode).toBe(200);
  }
  expect(await ingester.queued()).toBe(2);
});

test("invoice.created is taken only while a worker lives", async () => {
  const body = JSON.stringify(invoiceEvent("invoice.created"));
  const never = await ingester.post(body, sign(body));
  expect([never.statusCode, never.json().code, never.headers["retry-after"]]).toEqual([
    503,
    "UNAVAILABLE",
    "60",
  ]);
  ingester.heartbeat.seenAt = new Date(Date.now() - 5 * 60_000);
  expect((await ingester.post(body, sign(body))).statusCode).toBe(503);
  expect(await ingester.queued()).toBe(0);
  ingester.heartbeat.seenAt = new Date(Date.now() - 4 * 60_000);
  expect((await ingester.post(body, sign(body))).statusCode).toBe(200);
  expect(await ingester.queued()).toBe(1);
});
