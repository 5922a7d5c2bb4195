import { startPrivateRedis } from "@driftlock/devkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Gateway, openGateway } from "./helpers.ts";

describe("with Stripe away", () => {
  let gateway: Gateway;
  let accountId: string;
  beforeAll(async () => {
    gateway = await openGateway();
    accountId = await gateway.openAccount();
    await gateway.simulator.close();
  });
  afterAll(() => gateway.close());
  const call = (method: string, path: string, body?: object) =>
    gateway.request(method, `${path}?accountId=${accountId}`, { bearer: gateway.serviceKey, body });

  test("what needs it is 503 with Retry-After, and a repeat may work", async () => {
    for (const [path, body] of [
      ["/billing/checkout", { planId: "pro" }],
      ["/billing/portal", {}],
      ["/billing/payment-method", {}],
    ] as const) {
      const answer = await call("POST", path, body);
      expect(answer, path).toMatchObject({ status: 503, body: { code: "STRIPE_UNAVAILABLE" } });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
  });

  test("everything else is served", async () => {
    expect((await call("GET", "/billing/subscription")).status).toBe(200);
    expect((await call("GET", "/billing/invoices")).status).toBe(200);
  });
});

describe("with Redis away", () => {
  test("reads are served, and nobody is refused for the rate limit's sake", async () => {
    const redis = await startPrivateRedis();
    const gateway = await openGateway({ REDIS_URL: redis.url });
    try {
      const accountId = await gateway.openAccount();
      const bearer = await gateway.addKey(["billing:read"], accountId);
      await redis.kill();
      await vi.waitFor(async () => {
        expect((await gateway.request("GET", "/billing/subscription", { bearer })).status).toBe(200);
      }, 10_000);
      const refused = await gateway.request("POST", "/auth/demo-session", { body: { token: "x" } });
      expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
      expect(refused.headers.get("retry-after")).not.toBeNull();
      await redis.start();
      await vi.waitFor(async () => {
        expect((await gateway.request("POST", "/auth/demo-session", { body: { token: "x" } })).status).toBe(
          401,
        );
      }, 10_000);
    } finally {
      await gateway.close();
      await redis.close();
    }
  }, 60_000);
});
