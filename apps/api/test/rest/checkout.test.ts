import { accounts, checkoutSessions, sql, stripeObjects } from "@driftlock/db";
import { describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway({
  ALLOWED_RETURN_ORIGINS: "https://app.example.test, https://other.example.test",
});

const checkout = (accountId: string, planId: string, urls: object = returnUrls) =>
  gateway.request("POST", "/billing/checkout", {
    bearer: gateway.serviceKey,
    body: { accountId, planId, ...urls },
  });
const returnUrls = { successUrl: "https://app.example.test/ok", cancelUrl: "https://other.example.test/" };
const openSessions = async (accountId: string) => {
  const customer = (
    await gateway.request("GET", `/operator/accounts/${accountId}`, { bearer: gateway.operatorKey })
  ).body.stripeCustomerId;
  return (await gateway.stripe.checkout.sessions.list({ customer, status: "open" })).data;
};

test("a session sells the plan's prices to the account's one customer", async () => {
  const accountId = await gateway.openAccount();
  const answer = await checkout(accountId, "pro");
  expect(answer).toMatchObject({
    status: 200,
    body: { sessionId: expect.stringMatching(/^cs_/), url: expect.any(String) },
  });
  const session = await gateway.stripe.checkout.sessions.retrieve(answer.body.sessionId, {
    expand: ["line_items"],
  });
  expect(session).toMatchObject({
    mode: "subscription",
    client_reference_id: accountId,
    metadata: { account_id: accountId, plan_id: "pro" },
    success_url: "https://app.example.test/ok",
    cancel_url: "https://other.example.test/",
  });
  expect(session.line_items?.data).toHaveLength(2);
  const customer = await gateway.stripe.customers.retrieve(session.customer as string);
  expect(customer).toMatchObject({ email: `${accountId}@example.test`, metadata: { account_id: accountId } });
});

test("while it is open it is returned again, whatever the return URLs", async () => {
  const accountId = await gateway.openAccount();
  const first = await checkout(accountId, "pro");
  expect((await checkout(accountId, "pro")).body).toEqual(first.body);
  expect(
    (await checkout(accountId, "pro", { successUrl: "https://app.example.test/else" })).body,
  ).toMatchObject({
    code: "RETURN_URL_NOT_ALLOWED",
  });
  expect(await openSessions(accountId)).toHaveLength(1);
});

test("after each customer that Stripe has deleted there is another one, whichever of them was looked at last", async () => {
  const accountId = await gateway.openAccount();
  const { db, stripe } = gateway;
  const hearOfDeletion = async (customer: string) => {
    await stripeObjects.markDirty(db, {
      objectId: customer,
      objectType: "customer",
      stripeCustomerId: customer,
      now: new Date(),
    });
    await accounts.deleteAccountCustomer(db, customer);
    await checkoutSessions.updateSessionsOfGoneCustomer(db, accountId);
    await stripeObjects.updateStripeObjectSynced(db, {
      ...{ objectId: customer, stripeCustomerId: customer, accountId, generation: 1, isDeleted: true },
      ...{ fetchSequence: await stripeObjects.nextFetchSequence(db), now: new Date() },
    });
  };
  const customers: string[] = [];
  for (let deleted = 0; deleted < 3; deleted += 1) {
    const { body } = await checkout(accountId, "pro");
    const { customer } = await stripe.checkout.sessions.retrieve(body.sessionId);
    customers.push(customer as string);
    await stripe.customers.del(customer as string);
    await hearOfDeletion(customer as string);
    // What is late of the first leads to another look at it.
    await hearOfDeletion(customers[0] ?? "");
  }
  expect(new Set(customers).size).toBe(3);
  expect((await checkout(accountId, "pro")).status).toBe(200);
});

test("ten requests at once give one session and one customer", async () => {
  const accountId = await gateway.openAccount();
  const answers = await Promise.all(Array.from({ length: 10 }, () => checkout(accountId, "pro")));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
  expect(await openSessions(accountId)).toHaveLength(1);
  const customers = await gateway.stripe.customers.list({ email: `${accountId}@example.test` });
  expect(customers.data).toHaveLength(1);
});

test("two plans at once end with one open session, and each caller's was the open one", async () => {
  const accountId = await gateway.openAccount();
  // Who finds another at work for long is told to come again, and does.
  const answered = async (plan: string): ReturnType<typeof checkout> => {
    const answer = await checkout(accountId, plan);
    return answer.status === 503 ? answered(plan) : answer;
  };
  const answers = await Promise.all(["pro", "business", "pro", "business"].map(answered));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const open = await openSessions(accountId);
  expect(open).toHaveLength(1);
  expect(answers.map(({ body }) => body.sessionId)).toContain(open[0]?.id);
});

test("another plan expires the open session", async () => {
  const accountId = await gateway.openAccount();
  const first = await checkout(accountId, "pro");
  const second = await checkout(accountId, "business");
  expect(second.body.sessionId).not.toBe(first.body.sessionId);
  expect((await gateway.stripe.checkout.sessions.retrieve(first.body.sessionId)).status).toBe("expired");
});

test("a session that was paid a moment ago is no longer replaced: the account pays", async () => {
  const accountId = await gateway.openAccount();
  const first = await checkout(accountId, "pro");
  expect(await gateway.pay(first.body.sessionId)).toBe(200);
  expect(await checkout(accountId, "business")).toMatchObject({
    status: 409,
    body: { code: "ALREADY_SUBSCRIBED" },
  });
  expect(await checkout(accountId, "pro")).toMatchObject({
    status: 409,
    body: { code: "ALREADY_SUBSCRIBED" },
  });
}, 20_000);

test("an account that pays is refused", async () => {
  const accountId = await gateway.openAccount();
  await gateway.request("POST", "/billing/checkout", {
    bearer: gateway.serviceKey,
    body: { accountId, planId: "pro", ...returnUrls },
  });
  const open = (await openSessions(accountId))[0];
  await gateway.pay(String(open?.id));
  const session = await gateway.stripe.checkout.sessions.retrieve(String(open?.id));
  await gateway.mirror(accountId, session.subscription as string);
  expect(await checkout(accountId, "business")).toMatchObject({
    status: 409,
    body: { code: "ALREADY_SUBSCRIBED" },
  });
});

test("a plan's trial is given once an account, and never without a card", async () => {
  const setTrial = (days: number) =>
    gateway.db.run(
      "test.trial",
      sql`update subscription_plans set trial_days = ${days}::int where plan_id = 'business'`,
    );
  const buy = async (accountId: string) => {
    const { body } = await checkout(accountId, "business");
    const session = await gateway.stripe.checkout.sessions.retrieve(body.sessionId);
    expect(session.payment_method_collection).toBe("always");
    await gateway.pay(body.sessionId);
    const { subscription } = await gateway.stripe.checkout.sessions.retrieve(body.sessionId);
    return gateway.stripe.subscriptions.retrieve(subscription as string);
  };
  await setTrial(14);
  const [fresh, tried] = [await gateway.openAccount(), await gateway.openAccount()];
  await accounts.updateTrialStarted(gateway.db, tried, new Date(0));
  const trial = await buy(fresh);
  expect(trial).toMatchObject({ status: "trialing", default_payment_method: expect.stringMatching(/^pm_/) });
  expect((trial.trial_end ?? 0) - (trial.trial_start ?? 0)).toBe(14 * 86_400);
  expect(await buy(tried)).toMatchObject({ status: "active", trial_start: null });
  await setTrial(0);
});

describe("a crash", () => {
  test("between Stripe's answer and our row gives the same session on repeat", async () => {
    const accountId = await gateway.openAccount();
    const reserve = () =>
      checkoutSessions.insertReservation(gateway.db, accountId, {
        planId: "pro",
        planVersion: 1,
        ...returnUrls,
        trialDays: 0,
        idempotencyKey: `test.${accountId}`,
        createdAt: new Date(),
      });
    await reserve();
    const first = await checkout(accountId, "pro");
    // What such a crash leaves: the reservation, and no row of the session.
    await gateway.db.run(
      "test.undo",
      sql`delete from checkout_sessions where account_id = ${accountId}::text`,
    );
    await reserve();
    expect((await checkout(accountId, "pro")).body).toEqual(first.body);
    expect(await openSessions(accountId)).toHaveLength(1);
  });

  test("in another plan's checkout leaves no session open behind", async () => {
    const accountId = await gateway.openAccount();
    await checkoutSessions.insertReservation(gateway.db, accountId, {
      planId: "business",
      planVersion: 1,
      ...returnUrls,
      trialDays: 0,
      idempotencyKey: `test.${accountId}`,
      createdAt: new Date(),
    });
    const answer = await checkout(accountId, "pro");
    expect(answer.status).toBe(200);
    expect((await openSessions(accountId)).map(({ id }) => id)).toEqual([answer.body.sessionId]);
  });

  test("long ago is forgotten: its session was never told to anybody", async () => {
    const accountId = await gateway.openAccount();
    await checkoutSessions.insertReservation(gateway.db, accountId, {
      planId: "business",
      planVersion: 1,
      ...returnUrls,
      trialDays: 0,
      idempotencyKey: `test.${accountId}`,
      createdAt: new Date(Date.now() - 3_600_000),
    });
    expect(await checkout(accountId, "pro")).toMatchObject({ status: 200 });
  });
});

describe("what cannot be bought", () => {
  test.each([
    ["free", 422, "PLAN_NOT_PURCHASABLE"],
    ["gold", 422, "UNKNOWN_PLAN"],
  ])("%s is %i %s", async (planId, status, code) => {
    expect(await checkout(await gateway.openAccount(), planId)).toMatchObject({ status, body: { code } });
  });

  test.each([
    "https://evil.test/",
    "https://app.example.test.evil.test/",
    "https://user:pw@app.example.test/",
    "http://app.example.test/",
    "https://app.example.test:8443/",
  ])("a return to %s is 422", async (successUrl) => {
    expect(await checkout(await gateway.openAccount(), "pro", { successUrl })).toMatchObject({
      status: 422,
      body: { code: "RETURN_URL_NOT_ALLOWED" },
    });
  });
});
