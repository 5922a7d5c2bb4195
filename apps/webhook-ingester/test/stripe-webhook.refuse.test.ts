import { startPrivateRedis } from "@driftlock/devkit";
import { readEnv } from "@driftlock/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Env } from "../src/env.ts";
import { invoiceEvent, openIngester, sign } from "./helpers.ts";

describe("what cannot be verified", () => {
  let ingester: Awaited<ReturnType<typeof openIngester>>;
  beforeEach(async () => {
    ingester = await openIngester();
  });
  afterEach(() => ingester.life.close());

  const body = JSON.stringify(invoiceEvent());
  test.each([
    ["no signature", () => undefined],
    ["an empty signature", () => ""],
    ["a signature that is none", () => "v1=,t="],
    ["another secret", () => sign(body, { key: "whsec_another" })],
    ["another body", () => sign(`${body} `)],
    ["a signature of 301 s ago", () => sign(body, { atMs: Date.now() - 301_000 })],
    ["a signature of 330 s ahead", () => sign(body, { atMs: Date.now() + 330_000 })],
  ])("%s is 400 and never queued", async (_name, signature) => {
    const answer = await ingester.post(body, signature());
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({
      code: "WEBHOOK_SIGNATURE_INVALID",
      status: 400,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await ingester.queued()).toBe(0);
  });

  test("what is signed and is no event is 400", async () => {
    for (const text of ["{", "[]", '"evt_1"', '{"id":"evt_1","object":"event","type":"invoice.paid"}']) {
      const answer = await ingester.post(text, sign(text));
      expect([answer.statusCode, answer.json().code]).toEqual([400, "MALFORMED_BODY"]);
    }
    expect(await ingester.queued()).toBe(0);
  });

  test("more than 1 MiB is 413, and every other path or method is 404", async () => {
    const large = JSON.stringify({ ...invoiceEvent(), padding: "x".repeat(1024 * 1024) });
    expect((await ingester.post(large, sign(large))).json()).toMatchObject({
      status: 413,
      code: "BODY_TOO_LARGE",
    });
    for (const [method, url] of [
      ["GET", "/webhooks/stripe"],
      ["POST", "/webhooks"],
    ] as const) {
      expect((await ingester.app.inject({ method, url })).json()).toMatchObject({
        status: 404,
        code: "NOT_FOUND",
      });
    }
  });
});

test("with Redis away the answer is 503, and 200 once it is back", async () => {
  const server = await startPrivateRedis();
  const ingester = await openIngester(server.url);
  const body = JSON.stringify(invoiceEvent());
  expect((await ingester.post(body, sign(body))).statusCode).toBe(200);
  await server.stop();
  const other = JSON.stringify(invoiceEvent());
  const refused = await ingester.post(other, sign(other));
  expect([refused.statusCode, refused.json().code]).toEqual([503, "UNAVAILABLE"]);
  await server.start();
  await expect
    .poll(async () => (await ingester.post(other, sign(other))).statusCode, { timeout: 10_000 })
    .toBe(200);
  await ingester.post(body, "t=1,v1=00");
  const { 200: taken, 503: notNow, 400: unverified } = await ingester.deliveries();
  expect([taken, unverified]).toEqual([2, 1]);
  expect(notNow).toBeGreaterThan(0);
  await ingester.life.close();
  await server.close();
});

test("without a secret, or with one that is none, the process does not start", () => {
  const source = { DRIFTLOCK_MODE: "test", REDIS_URL: "redis://127.0.0.1:6379" };
  const faultsOf = (STRIPE_WEBHOOK_SECRETS?: string) =>
    readEnv(Env, { ...source, STRIPE_WEBHOOK_SECRETS }).faults?.map(({ variable }) => variable);
  expect(faultsOf()).toEqual(["STRIPE_WEBHOOK_SECRETS"]);
  expect(faultsOf(" , ")).toEqual(["STRIPE_WEBHOOK_SECRETS"]);
  expect(faultsOf("whsec_a,b")).toEqual(["STRIPE_WEBHOOK_SECRETS"]);
  expect(faultsOf("whsec_a, whsec_b")).toBeUndefined();
});
