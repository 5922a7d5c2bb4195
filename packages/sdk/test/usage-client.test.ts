import { batchBytesMax } from "@driftlock/contracts";
import { expect, test } from "vitest";
import { createUsageClient, type RejectedUsage } from "../src/index.ts";
import { acceptAll, startGateway } from "./helpers.ts";

const apiKey = "dlk_test_key";
const hour = 3_600_000;

test("an id at once, batches in order, the key, and the time of recording", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({
    url: `${url}/`,
    apiKey,
    batchEventsMax: 2,
    flushIntervalMs: hour,
    now: () => new Date("2026-01-31T23:59:59.900Z"),
  });
  const id = client.record({ metric: "events" });
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(client.record({ metric: "alerts", quantity: 3, id: "mine", properties: { region: "eu" } })).toBe(
    "mine",
  );
  client.record({ metric: "events", id: "third", timestamp: "2026-01-01T00:00:00Z" });
  await client.close();
  expect(client.unsent()).toEqual([]);
  expect(asked.map(({ path }) => path)).toEqual(["/billing/usage", "/billing/usage"]);
  expect(asked[0]?.headers.authorization).toBe(`Bearer ${apiKey}`);
  const timestamp = "2026-01-31T23:59:59.900Z";
  expect(asked.map(({ body }) => body.events)).toEqual([
    [
      { metric: "events", id, timestamp },
      { metric: "alerts", quantity: 3, id: "mine", properties: { region: "eu" }, timestamp },
    ],
    [{ metric: "events", id: "third", timestamp: "2026-01-01T00:00:00Z" }],
  ]);
});

test("without a clock of its own it leaves the time to the gateway", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({ url, apiKey, now: null });
  client.record({ metric: "events", id: "a" });
  await client.flush();
  await client.close();
  expect(asked[0]?.body.events).toEqual([{ metric: "events", id: "a" }]);
});

test("what waits is sent by itself after the interval", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const posted = Promise.withResolvers<void>();
  const client = createUsageClient({
    url,
    apiKey,
    flushIntervalMs: 1,
    fetch: (...call) => fetch(...call).finally(posted.resolve),
  });
  client.record({ metric: "events" });
  await posted.promise;
  expect(asked).toHaveLength(1);
  await client.close();
});

test("a cut connection, 429, 500 and 503 are repeated with the same ids until they are answered", async () => {
  const failures = [
    null,
    { status: 429, body: { code: "RATE_LIMITED" }, headers: { "retry-after": "0" } },
    { status: 500 },
    { status: 503, body: { code: "UNAVAILABLE" } },
  ];
  const { url, asked } = await startGateway((request, place) =>
    place < failures.length ? (failures[place] ?? null) : acceptAll(request),
  );
  const client = createUsageClient({ url, apiKey, flushIntervalMs: hour });
  const ids = Array.from({ length: 5 }, () => client.record({ metric: "events" }));
  await client.close();
  expect(asked.map(({ body }) => body.events.map(({ id }) => id))).toEqual(Array(5).fill(ids));
});

test("what is refused one by one goes to onRejected with its event; a duplicate is no refusal", async () => {
  const { url } = await startGateway(() => ({
    status: 202,
    body: {
      accepted: 1,
      duplicates: 1,
      rejected: 1,
      results: [
        { index: 1, id: "b", outcome: "duplicate", code: "DUPLICATE", detail: "again" },
        { index: 2, id: "c", outcome: "quota-exceeded", code: "QUOTA_EXCEEDED", detail: "spent" },
      ],
    },
  }));
  const told: RejectedUsage[][] = [];
  const client = createUsageClient({ url, apiKey, now: null, onRejected: (rejected) => told.push(rejected) });
  for (const id of ["a", "b", "c"]) client.record({ metric: "events", id });
  await client.close();
  const event = { metric: "events", id: "c" };
  expect(told).toEqual([[{ event, outcome: "quota-exceeded", code: "QUOTA_EXCEEDED", detail: "spent" }]]);
});

test("a request is never larger than the gateway takes", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({ url, apiKey, batchEventsMax: 10_000, flushIntervalMs: hour });
  for (let n = 0; n < 1_000; n++)
    client.record({ metric: "events", properties: { text: "é".repeat(5_000) } });
  await client.close();
  expect(asked.map(({ headers }) => Number(headers["content-length"]) <= batchBytesMax)).toEqual([
    true,
    true,
  ]);
  expect(asked.flatMap(({ body }) => body.events)).toHaveLength(1_000);
});

test("while one batch is on its way more are recorded, and full ones follow by themselves", async () => {
  const all = Promise.withResolvers<void>();
  const { url, asked } = await startGateway((request, place) => {
    if (place === 2) all.resolve();
    return acceptAll(request);
  });
  const client = createUsageClient({ url, apiKey, batchEventsMax: 2, flushIntervalMs: hour });
  const ids = Array.from({ length: 6 }, () => client.record({ metric: "events" }));
  await all.promise;
  await client.close();
  expect(asked.flatMap(({ body }) => body.events.map(({ id }) => id))).toEqual(ids);
});

test("a full buffer refuses the next event, and takes it again after a flush", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({ url, apiKey, bufferEventsMax: 2, flushIntervalMs: hour });
  client.record({ metric: "events", id: "a" });
  client.record({ metric: "events", id: "b" });
  const third = () => client.record({ metric: "events", id: "c" });
  expect(third).toThrow(expect.objectContaining({ code: "BUFFER_FULL" }));
  await client.flush();
  expect(third()).toBe("c");
  await client.close();
  expect(asked.flatMap(({ body }) => body.events.map(({ id }) => id))).toEqual(["a", "b", "c"]);
});

test.each([401, 403])("%i stops the client with a clear error, and everything is kept", async (status) => {
  const { url, asked } = await startGateway(() => ({
    status,
    body: { code: "KEY_REVOKED", detail: "This key was revoked." },
  }));
  const client = createUsageClient({ url, apiKey, now: null });
  client.record({ metric: "events", id: "a" });
  const refused = { code: "REFUSED", status, message: expect.stringContaining("KEY_REVOKED") };
  await expect(client.flush()).rejects.toMatchObject(refused);
  expect(() => client.record({ metric: "events" })).toThrow(expect.objectContaining({ code: "REFUSED" }));
  await expect(client.close()).rejects.toMatchObject(refused);
  expect(client.unsent()).toEqual([{ metric: "events", id: "a" }]);
  expect(asked).toHaveLength(1);
});

test.each([
  ["a redirect", { status: 302, headers: { location: "https://elsewhere.test/" } }],
  ["an answer that does not account for the events", { status: 202, body: { accepted: 0, results: [] } }],
])("%s stops the client and keeps the events", async (_what, given) => {
  const { url } = await startGateway(() => given);
  const client = createUsageClient({ url, apiKey });
  client.record({ metric: "events", id: "a" });
  await expect(client.close()).rejects.toMatchObject({ code: "UNEXPECTED_ANSWER" });
  expect(client.unsent()).toMatchObject([{ id: "a" }]);
});

test("close gives up in time, though the gateway asks for more, and hands out what is left", async () => {
  const { url } = await startGateway(() => ({ status: 503, headers: { "retry-after": "3600" } }));
  const client = createUsageClient({ url, apiKey, now: null });
  client.record({ metric: "events", id: "a" });
  await expect(client.close({ withinMs: 50 })).rejects.toMatchObject({ code: "NOT_SENT" });
  expect(client.unsent()).toEqual([{ metric: "events", id: "a" }]);
});

test("what can never be sent is refused when it is recorded, as is all after close", async () => {
  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({ url, apiKey });
  const tooLarge = { metric: "events", properties: { text: "x".repeat(20_000) } };
  expect(() => client.record(tooLarge)).toThrow(expect.objectContaining({ code: "INVALID_EVENT" }));
  await client.close();
  expect(() => client.record({ metric: "events" })).toThrow(expect.objectContaining({ code: "CLOSED" }));
  expect(asked).toEqual([]);
});

test("a wrong configuration is refused at once", () => {
  const url = "http://127.0.0.1:4000";
  expect(() => createUsageClient({ url: "driftlock", apiKey })).toThrow(TypeError);
  expect(() => createUsageClient({ url: "file:///tmp", apiKey })).toThrow(TypeError);
  expect(() => createUsageClient({ url, apiKey: "" })).toThrow(TypeError);
  expect(() => createUsageClient({ url, apiKey, batchEventsMax: 10_001 })).toThrow(RangeError);
});
