import { startPrivateRedis, type PrivateServer } from "@driftlock/devkit";
import { keys } from "@driftlock/redis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Gateway, openGateway } from "../helpers.ts";

let server: PrivateServer;
let redis: Redis;
let gateway: Gateway;
let key: string;
const mib = 1024 * 1024;
beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
  gateway = await openGateway({ REDIS_URL: server.url, USAGE_BACKLOG_BYTES_MAX: String(4 * mib) });
});
afterAll(async () => {
  redis.disconnect();
  await gateway.close();
  await server.close();
});
beforeEach(async () => {
  await redis.flushall();
  key = await gateway.addKey(["usage:write", "billing:read"], await gateway.openAccount());
});

let sent = 0;
const send = () =>
  gateway.request("POST", "/billing/usage", { bearer: key, body: { id: `e${sent++}`, metric: "events" } });
const check = (consume: boolean) =>
  gateway.request("POST", "/billing/quota/check", {
    bearer: key,
    body: { consume, items: [{ metric: "events", quantity: 1, id: `q${sent++}` }] },
  });
const within = { timeout: 5_000, interval: 50 };

/** What nobody writes to Postgres piles up in two partitions. */
async function pileUp(bytes: number) {
  const rows = Buffer.alloc(50_000, "x");
  for (let written = 0; written < bytes; written += 2 * rows.length) {
    for (const partition of [0, 3])
      await redis.xadd(keys.stream(partition), "*", "v", "1", "a", " x ", "d", rows);
  }
}

test("past its bound usage is 503 with Retry-After, quota checks are not, and it recovers by itself", async () => {
  expect((await send()).status).toBe(202);
  await pileUp(3 * mib);
  await expect.poll(() => gateway.metric("usage_backlog_bytes"), within).toBeGreaterThan(3 * mib);
  expect(await gateway.metric("usage_refused")).toBe(0);
  expect((await send()).status).toBe(202);
  await pileUp(2 * mib);
  await expect.poll(async () => (await send()).status, within).toBe(503);
  const refused = await send();
  expect(refused.body).toMatchObject({ code: "BACKLOG_FULL" });
  expect(refused.headers.get("retry-after")).toBe("5");
  expect(await check(true)).toMatchObject({ status: 503, body: { code: "BACKLOG_FULL" } });
  expect((await check(false)).status).toBe(200);
  expect((await gateway.request("GET", "/billing/usage", { bearer: key })).status).toBe(200);
  expect(await gateway.metric("usage_refused")).toBe(1);
  expect(await gateway.metric("usage_backlog_entries")).toBeGreaterThan(100);
  for (const partition of [0, 3]) await redis.xtrim(keys.stream(partition), "MAXLEN", 0);
  await expect.poll(async () => (await send()).status, within).toBe(202);
  expect(await gateway.metric("usage_refused")).toBe(0);
});

test("a commit that finds no room is kept: it is counted once when there is, asked again or not, whatever expires meanwhile", async () => {
  const post = (path: string, body: object = {}) =>
    gateway.request("POST", `/billing/quota/reservations${path}`, { bearer: key, body });
  const items = [{ metric: "alerts", quantity: 40 }];
  const holds = await Promise.all(["a", "b"].map((id) => post("", { id, items, ttlSeconds: 2 })));
  const expiresAtMs = Math.max(...holds.map(({ body }) => Date.parse(body.expiresAt)));
  await pileUp(5 * mib);
  await expect.poll(async () => (await send()).body.code, within).toBe("BACKLOG_FULL");
  for (const id of ["a", "b"]) {
    const refused = await post(`/${id}/commit`);
    expect(refused).toMatchObject({ status: 503, body: { code: "BACKLOG_FULL" } });
    expect(refused.headers.get("retry-after")).toBe("5");
  }
  const alerts = { bearer: key, body: { items: [{ metric: "alerts", quantity: 1 }] } };
  const standing = async () => (await gateway.request("POST", "/billing/quota/check", alerts)).body.items[0];
  expect(await standing()).toMatchObject({ used: 0, remaining: 20 });
  await expect.poll(() => Date.now(), within).toBeGreaterThan(expiresAtMs + 1_000);
  expect(await standing()).toMatchObject({ used: 0, remaining: 20 });
  for (const partition of [0, 3]) await redis.xtrim(keys.stream(partition), "MAXLEN", 0);
  await expect.poll(async () => (await post("/a/commit")).status, within).toBe(200);
  await expect.poll(standing, { timeout: 10_000, interval: 50 }).toMatchObject({ used: 80, remaining: 20 });
  expect((await post("/b/commit")).status).toBe(200);
  expect(await standing()).toMatchObject({ used: 80, remaining: 20 });
});

test("before Redis's own memory ends usage is 503 too; when it has ended, its OOM is 503, and nothing half counted", async () => {
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  expect((await send()).status).toBe(202);
  const repeated = { bearer: key, body: { id: "again", metric: "events" } };
  await redis.config("SET", "maxmemory", await used());
  const full = await gateway.request("POST", "/billing/usage", repeated);
  expect(full.status).toBe(503);
  expect(["UNAVAILABLE", "BACKLOG_FULL"]).toContain(full.body.code);
  expect(full.headers.get("retry-after")).not.toBeNull();
  await expect.poll(async () => (await send()).body.code, within).toBe("BACKLOG_FULL");
  await redis.config("SET", "maxmemory", 0);
  await expect
    .poll(async () => (await gateway.request("POST", "/billing/usage", repeated)).status, within)
    .toBe(202);
  const { body } = await gateway.request("GET", "/billing/usage", { bearer: key });
  expect(body.metrics).toContainEqual(expect.objectContaining({ metric: "events", used: 2 }));
});
