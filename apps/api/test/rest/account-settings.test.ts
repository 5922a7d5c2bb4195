import { createHash } from "node:crypto";
import { installation } from "@driftlock/db";
import { createRedis } from "@driftlock/redis";
import { describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();

describe("notification endpoints", () => {
  const url = "/billing/notification-endpoints";

  test("are the whole set; what stays keeps its id and secret", async () => {
    const bearer = await gateway.addKey(["billing:read", "billing:write"], await gateway.openAccount());
    const put = (urls: string[]) =>
      gateway.request("PUT", url, { bearer, body: { endpoints: urls.map((each) => ({ url: each })) } });
    const first = await put(["https://one.example.test/hook", "http://127.0.0.1:9000/x"]);
    expect(first.status).toBe(200);
    expect(first.body.nextCursor).toBeNull();
    expect(first.body.data.map(({ url: each }: { url: string }) => each).sort()).toEqual([
      "http://127.0.0.1:9000/x",
      "https://one.example.test/hook",
    ]);
    for (const { secret } of first.body.data) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    const again = await put(["https://one.example.test/hook", "https://two.example.test/"]);
    const kept = first.body.data.find((each: { url: string }) => each.url.includes("one"));
    expect(again.body.data).toContainEqual(kept);
    expect(again.body.data).toHaveLength(2);
    const read = await gateway.request("GET", url, { bearer });
    expect(read.body.data).toHaveLength(2);
    expect(JSON.stringify(read.body)).not.toContain("whsec_");
    expect((await put([])).body.data).toEqual([]);
  });

  test.each(["http://example.test/", "ftp://example.test/", "https://user:pw@example.test/", "nonsense"])(
    "%s is no target",
    async (target) => {
      const accountId = await gateway.openAccount();
      const answer = await gateway.request("PUT", `${url}?accountId=${accountId}`, {
        bearer: gateway.serviceKey,
        body: { endpoints: [{ url: target }] },
      });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "body.endpoints.0.url" }] } });
    },
  );
});

test("the portal and the card form are Stripe's, for an account that never paid too", async () => {
  const accountId = await gateway.openAccount();
  const call = (path: string, body?: object) =>
    gateway.request("POST", `${path}?accountId=${accountId}`, { bearer: gateway.serviceKey, body });
  const card = await call("/billing/payment-method");
  expect(card).toMatchObject({ status: 200, body: { clientSecret: expect.stringContaining("_secret_") } });
  expect(await gateway.stripe.setupIntents.retrieve(card.body.setupIntentId)).toMatchObject({
    usage: "off_session",
  });
  expect(await call("/billing/portal", { returnUrl: "https://evil.test" })).toMatchObject({
    status: 422,
    body: { code: "RETURN_URL_NOT_ALLOWED" },
  });
  // The account's default configuration is whoever's; ours is named.
  const create = (enabled: boolean) =>
    gateway.stripe.billingPortal.configurations.create({ features: { invoice_history: { enabled } } });
  await create(false);
  await installation.updatePortalConfiguration(gateway.db, (await create(true)).id);
  const portal = await call("/billing/portal");
  expect(await (await fetch(portal.body.url)).text()).toContain('<h2 id="invoices">');
});

test("a token's account is opened at its first call, on Free", async () => {
  const bearer = await gateway.signToken({
    account_id: "from_token",
    name: "Ann",
    email: "ann@example.test",
  });
  const answers = await Promise.all(
    [1, 2, 3].map(() => gateway.request("GET", "/billing/subscription", { bearer })),
  );
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 200, body: { accountId: "from_token", planId: "free" } });
  const account = await gateway.request("GET", "/operator/accounts/from_token", {
    bearer: gateway.operatorKey,
  });
  expect(account.body).toMatchObject({ name: "Ann", email: "ann@example.test" });
});

test("the demo's token signs in once", async () => {
  const redis = createRedis({
    url: gateway.redisUrl,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  await redis.set(`demo:login:${createHash("sha256").update("once").digest("hex")}`, "the user's token");
  redis.disconnect();
  const signIn = () => gateway.request("POST", "/auth/demo-session", { body: { token: "once" } });
  expect(await signIn()).toMatchObject({ status: 200, body: { userToken: "the user's token" } });
  expect(await signIn()).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
});

test("the front end is told where Stripe's script is", async () => {
  expect((await gateway.request("GET", "/app-config.json")).body).toEqual({
    mode: "simulator",
    stripePublishableKey: null,
    stripeJsUrl: `${gateway.simulator.url}/_sim/stripe.js`,
    signInUrl: null,
  });
});
