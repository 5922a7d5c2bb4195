import { afterEach, expect, test } from "vitest";
import { type Check, createMetrics, type OpsServer, startOpsServer } from "../src/index.ts";

let server: OpsServer | undefined;

afterEach(() => server?.close());

async function start(checks: Record<string, Check>) {
  const metrics = createMetrics("test");
  server = await startOpsServer({ host: "127.0.0.1", port: 0, checks, registry: metrics.registry });
  return { metrics, get: (path: string) => fetch(`${server?.url}${path}`) };
}

test("live says nothing of what the process depends on", async () => {
  const { get } = await start({ postgres: async () => Promise.reject(new Error("down")) });
  expect((await get("/health/live")).status).toBe(200);
});

test("not ready names each check that fails, and one that does not answer", async () => {
  const { get } = await start({
    redis: async () => "AOF on",
    postgres: async () => Promise.reject(new Error("no database", { cause: new Error("it is starting up") })),
    stuck: () => new Promise(() => {}),
  });
  const response = await get("/health/ready");
  expect(response.status).toBe(503);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({
    code: "UNAVAILABLE",
    detail: "postgres: no database (it is starting up); stuck: no answer within 2000 ms",
    checks: { redis: { ok: true, detail: "AOF on" } },
  });
});

test("metrics are Prometheus text with the process as a label", async () => {
  const { get, metrics } = await start({});
  metrics.counter({ name: "things_seen_total", help: "h", labels: ["kind"] as const }).inc({ kind: "a" });
  const body = await (await get("/metrics")).text();
  expect(body).toContain('driftlock_things_seen_total{kind="a",process="test"} 1');
  expect(body).toContain("process_cpu_seconds_total");
});

test("an unknown path is a 404 problem", async () => {
  const { get } = await start({});
  const response = await get("/nothing");
  expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
});
