import { sql } from "@driftlock/db";
import { createRedis } from "@driftlock/redis";
import { beforeEach, expect, test, vi } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { openProducer } from "./producer.ts";

const gateway = await openFileGateway();
let account: string;
let key: string;
beforeEach(async () => void ({ account, key } = await openProducer(gateway)));

const url = "/billing/quota/reservations";
const post = (path: string, body?: unknown, bearer = key) =>
  gateway.request("POST", path, { bearer, ...(body !== undefined && { body }) });
const alerts = (quantity: number) => ({ metric: "alerts", quantity });
const hold = (id: string, quantity: number, rest: object = {}) =>
  post(url, { id, items: [alerts(quantity)], ttlSeconds: 600, ...rest });
const check = async (quantity: number) =>
  (await post("/billing/quota/check", { items: [alerts(quantity)] })).body;
const usage = async () =>
  (await gateway.request("GET", "/billing/usage", { bearer: key })).body.metrics.find(
    ({ metric }: { metric: string }) => metric === "alerts",
  );

test("what is held is refused to everybody else; a commit counts what was used, as events of its own ids", async () => {
  const held = await hold("job/1", 60);
  expect(held).toMatchObject({ status: 201, body: { id: "job/1" } });
  expect(Object.keys(held.body).sort()).toEqual(["expiresAt", "id"]);
  const inMs = Date.parse(held.body.expiresAt) - Date.now();
  expect(inMs).toBeGreaterThan(590_000);
  expect(inMs).toBeLessThanOrEqual(600_000);
  expect(await check(41)).toMatchObject({ allowed: false, items: [{ used: 0, remaining: 40 }] });
  expect(await usage()).toMatchObject({ used: 0, held: 60, limit: 100, remaining: 40, overage: 0 });
  const refused = await post("/billing/usage", { id: "e", metric: "alerts", quantity: 41 });
  expect(refused).toMatchObject({ status: 429, body: { code: "QUOTA_EXCEEDED" } });

  const path = `${url}/${encodeURIComponent("job/1")}/commit`;
  const committed = {
    status: 200,
    body: {
      id: "job/1",
      state: "committed",
      items: [{ metric: "alerts", quantity: 45, eventId: "reservation:job/1:alerts" }],
    },
  };
  expect(await post(path, { items: [alerts(45)] })).toMatchObject(committed);
  expect(await post(path, { items: [alerts(45)] })).toMatchObject(committed);
  expect(await check(55)).toMatchObject({ allowed: true, items: [{ used: 45, remaining: 55 }] });
  expect(await usage()).toMatchObject({ used: 45, held: 0, remaining: 55 });
  const event = { id: "reservation:job/1:alerts", metric: "alerts", quantity: 45 };
  expect((await post("/billing/usage", event)).body.outcome).toBe("duplicate");
  expect(await hold("job/1", 60)).toMatchObject({ status: 201, body: held.body });
});

test("a commit whose event id was used with another payload is a conflict, and holds as before", async () => {
  await post(url, { id: "r", items: [alerts(40), { metric: "events", quantity: 5 }], ttlSeconds: 600 });
  await post("/billing/usage", { id: "reservation:r:alerts", metric: "alerts", quantity: 7 });
  const conflict = {
    status: 409,
    body: {
      code: "EVENT_CONFLICT",
      items: [
        { metric: "alerts", allowed: false, code: "EVENT_CONFLICT" },
        { metric: "events", allowed: true },
      ],
    },
  };
  expect(await post(`${url}/r/commit`)).toMatchObject(conflict);
  expect(await post(`${url}/r/commit`)).toMatchObject(conflict);
  expect(await check(53)).toMatchObject({ allowed: true, items: [{ used: 7, remaining: 53 }] });
  expect((await post(`${url}/r/release`)).status).toBe(200);
  expect(await check(93)).toMatchObject({ allowed: true, items: [{ used: 7, remaining: 93 }] });
});

test("several metrics are one decision, and a refusal leaves nothing behind", async () => {
  const items = [{ metric: "events", quantity: 9_000 }, alerts(101), { metric: "api_requests" }];
  const refused = await post(url, { id: "many", items, ttlSeconds: 60 });
  expect(refused).toMatchObject({
    status: 429,
    body: {
      code: "QUOTA_EXCEEDED",
      allowed: false,
      items: [
        { metric: "alerts", allowed: false, code: "QUOTA_EXCEEDED", limit: 100, used: 0, remaining: 100 },
        { metric: "api_requests", allowed: true, limit: null, remaining: null },
        { metric: "events", allowed: true, limit: 10_000 },
      ],
    },
  });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await check(100)).toMatchObject({ allowed: true });
  expect(await post(`${url}/many/commit`)).toMatchObject({
    status: 404,
    body: { code: "RESERVATION_NOT_FOUND" },
  });
  // The id is free again, for something else too.
  expect((await hold("many", 100)).status).toBe(201);
});

test("a repeat gives the first answer, another wish of the same id is a conflict", async () => {
  const first = await hold("r", 10);
  expect((await hold("r", 10)).body).toEqual(first.body);
  expect((await post(url, { id: "r", items: [alerts(4), alerts(6)], ttlSeconds: 600 })).body).toEqual(
    first.body,
  );
  for (const other of [hold("r", 11), hold("r", 10, { ttlSeconds: 601 })])
    expect(await other).toMatchObject({ status: 409, body: { code: "RESERVATION_CONFLICT" } });
  expect((await post(`${url}/r/commit`, { items: [alerts(3)] })).status).toBe(200);
  expect(await post(`${url}/r/commit`, { items: [alerts(4)] })).toMatchObject({
    status: 409,
    body: { code: "RESERVATION_CONFLICT" },
  });
  expect(await post(`${url}/r/release`)).toMatchObject({
    status: 409,
    body: { code: "RESERVATION_ENDED" },
  });
});

test("a release gives all of it back, once and again", async () => {
  await hold("r", 100);
  for (let times = 0; times < 2; times++)
    expect(await post(`${url}/r/release`)).toMatchObject({
      status: 200,
      body: { id: "r", state: "released" },
    });
  expect(await check(100)).toMatchObject({ allowed: true });
  expect(await post(`${url}/r/commit`)).toMatchObject({
    status: 409,
    body: { code: "RESERVATION_ENDED" },
  });
});

test("a hold expires by itself, within a tick of its time", async () => {
  const { body } = await hold("short", 100, { ttlSeconds: 1 });
  expect(await check(1)).toMatchObject({ allowed: false });
  await vi.waitFor(async () => expect(await check(100)).toMatchObject({ allowed: true }), {
    timeout: 5_000,
    interval: 20,
  });
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(body.expiresAt));
  expect(await post(`${url}/short/commit`)).toMatchObject({ body: { code: "RESERVATION_ENDED" } });
  expect((await post(`${url}/short/release`)).body).toEqual({ id: "short", state: "expired" });
});

test("holds outlive Redis", async () => {
  await hold("kept", 70);
  const redis = createRedis({
    url: gateway.redisUrl,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  await redis.flushdb();
  redis.disconnect();
  expect(await check(31)).toMatchObject({ allowed: false, items: [{ remaining: 30 }] });
  expect((await hold("next", 31)).status).toBe(429);
  expect((await post(`${url}/kept/commit`)).status).toBe(200);
  expect(await check(30)).toMatchObject({ allowed: true, items: [{ used: 70 }] });
});

test("the same reservation asked for many times at once is one", async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => hold("once", 100)));
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.expiresAt}`)).size).toBe(1);
  const ends = await Promise.all(
    Array.from({ length: 40 }, (_, index) => post(`${url}/once/${index % 2 ? "commit" : "release"}`)),
  );
  const [row] = await gateway.db.rows<{ state: string }>(
    "test",
    sql`select state from usage_reservations where account_id = ${account}::text`,
  );
  const isCommitted = row?.state === "committed";
  expect(ends.filter(({ status }) => status === 200)).toHaveLength(20);
  expect(await check(100)).toMatchObject({ allowed: !isCommitted, items: [{ used: isCommitted ? 100 : 0 }] });
});

test.each([
  [{ items: [alerts(1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "", items: [alerts(1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "tab\t", items: [alerts(1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "x".repeat(129), items: [alerts(1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "r", items: [], ttlSeconds: 60 }, "INVALID"],
  [{ id: "r", items: [alerts(-1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "r", items: [alerts(1)] }, "INVALID"],
  [{ id: "r", items: [alerts(1)], ttlSeconds: 0 }, "INVALID"],
  [{ id: "r", items: [alerts(1)], ttlSeconds: 3_601 }, "INVALID"],
  [{ id: "r", items: [{ metric: "storage_bytes" }], ttlSeconds: 60 }, "INVALID"],
  [{ id: "r", items: [alerts(999_999_999_999_999), alerts(1)], ttlSeconds: 60 }, "INVALID"],
  [{ id: "r", items: [{ metric: "nothing" }, alerts(1)], ttlSeconds: 60 }, "UNKNOWN_METRIC"],
])("%j is 422 %s", async (body, code) => {
  expect(await post(url, body)).toMatchObject({ status: 422, body: { code } });
  expect(await check(100)).toMatchObject({ allowed: true });
});

test("a commit takes at most what is held", async () => {
  await hold("r", 10);
  for (const items of [[alerts(11)], [alerts(6), alerts(5)], [{ metric: "events", quantity: 1 }]])
    expect(await post(`${url}/r/commit`, { items })).toMatchObject({
      status: 422,
      body: { code: "INVALID" },
    });
  expect((await post(`${url}/r/commit`, { items: [alerts(0)] })).body.items).toEqual([
    { metric: "alerts", quantity: 0, eventId: null },
  ]);
  expect(await check(100)).toMatchObject({ allowed: true });
});

test("whose reservation it is", async () => {
  await hold("mine", 1);
  const ofService = (body: object) => post(`${url}/mine/commit`, body, gateway.serviceKey);
  expect((await ofService({})).status).toBe(422);
  expect(await ofService({ accountId: "no-such" })).toMatchObject({ body: { code: "ACCOUNT_NOT_FOUND" } });
  const other = await gateway.openAccount();
  expect(await ofService({ accountId: other })).toMatchObject({
    body: { code: "RESERVATION_NOT_FOUND" },
  });
  expect((await ofService({ accountId: account })).status).toBe(200);
  const wish = { id: "r", items: [alerts(1)], ttlSeconds: 60, accountId: "no-such" };
  expect(await post(url, wish, gateway.serviceKey)).toMatchObject({
    status: 404,
    body: { code: "ACCOUNT_NOT_FOUND" },
  });
});
