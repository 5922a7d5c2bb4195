import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { at, eventsOf, openProducer } from "./producer.ts";

const dayMs = 24 * 60 * 60 * 1000;
const gateway = await openFileGateway();

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
  const { post, usageOf } = await openProducer(gateway);
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
  const { post } = await openProducer(gateway);
  expect(await post(body)).toMatchObject({ status: 202, body: { accepted: 1 } });
});

test("the order of properties and the timestamp are no part of the payload", async () => {
  const { post } = await openProducer(gateway);
  const event = { id: "p", metric: "events" };
  expect((await post({ ...event, properties: { a: 1, b: 2 } })).status).toBe(202);
  expect(
    (await post({ ...event, quantity: 1, timestamp: at(-1_000), properties: { b: 2, a: 1 } })).body.outcome,
  ).toBe("duplicate");
  expect((await post({ ...event, properties: { a: 1, b: 3 } })).status).toBe(409);
  expect((await post(event)).status).toBe(409);
});

test("a batch of 10,000 with one bad event loses that one only; 10,001 and 8 MiB are 413", async () => {
  const { post } = await openProducer(gateway);
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
  const { account, post } = await openProducer(gateway);
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
