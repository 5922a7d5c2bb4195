import { createConsumer, createLogger, createMetrics, processor } from "@driftlock/runtime";
import { cancelNow, syncStripeObject } from "@driftlock/contracts";
import { sql, stripeObjects } from "@driftlock/db";
import { createRedis } from "@driftlock/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, openGateway } from "../helpers.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await openGateway();
  await startSync(gateway);
}, 60_000);
afterAll(() => gateway.close());

/** Fetches and applies as the worker does, as far as a subscription's row goes; the worker's own tests do the rest. */
async function startSync({ life, redisUrl, db, stripe, mirror }: Gateway): Promise<void> {
  const connection = life.own(
    "queue connection",
    createRedis({ url: redisUrl, connectionName: "test", purpose: "queues", onConnectionError: () => {} }),
    (redis) => redis.disconnect(),
  );
  const mirrorAgain = async (objectId: string) => {
    const generation = (await stripeObjects.findStripeObject(db, objectId))?.generation ?? 0;
    const fetchSequence = await stripeObjects.nextFetchSequence(db);
    const subscription = await stripe.subscriptions.retrieve(objectId);
    await mirror(subscription.metadata["account_id"] ?? "", objectId);
    const synced = {
      objectId,
      stripeCustomerId: null,
      accountId: null,
      fetchSequence,
      generation,
      isDeleted: false,
      now: new Date(),
    };
    await stripeObjects.updateStripeObjectSynced(db, synced);
  };
  const consumer = createConsumer({
    connection,
    queue: "billing",
    processors: [
      processor(syncStripeObject, ({ objectId }) => mirrorAgain(objectId)),
      processor(cancelNow, async ({ stripeSubscriptionId }) => {
        await stripe.subscriptions.cancel(stripeSubscriptionId, { invoice_now: true });
        await mirrorAgain(stripeSubscriptionId);
      }),
    ],
    concurrency: 4,
    log: createLogger({ name: "test", level: "silent" }),
    metrics: createMetrics("test-worker"),
  });
  life.own("consumer", consumer, ({ close }) => close());
}

const call = (method: string, accountId: string, body?: object, path = "") =>
  gateway.request(method, `/billing/subscription${path}?accountId=${accountId}`, {
    bearer: gateway.serviceKey,
    body,
  });
const get = async (accountId: string) => (await call("GET", accountId)).body;

async function subscribed(planId: string) {
  const accountId = await gateway.openAccount();
  return { accountId, subscriptionId: await gateway.subscribe(accountId, planId) };
}

test("an account that never paid is active on Free, with a month of its own", async () => {
  const accountId = await gateway.openAccount();
  const view = await get(accountId);
  expect(view).toEqual({
    accountId,
    planId: "free",
    planVersion: 1,
    status: "active",
    period: { start: expect.any(String), end: expect.any(String) },
    cancelAtPeriodEnd: false,
    pendingPlanId: null,
    paymentState: "ok",
    access: "full",
    dueInvoice: null,
  });
  const days = (Date.parse(view.period.end) - Date.parse(view.period.start)) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(28);
});

test("who pays has Stripe's period", async () => {
  const { accountId, subscriptionId } = await subscribed("pro");
  const item = (await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data[0];
  expect(await get(accountId)).toMatchObject({
    planId: "pro",
    status: "active",
    period: {
      start: new Date((item?.current_period_start ?? 0) * 1000).toISOString(),
      end: new Date((item?.current_period_end ?? 0) * 1000).toISOString(),
    },
  });
});

describe("an upgrade", () => {
  test("is previewed without any change, and then costs what was said", async () => {
    const { accountId, subscriptionId } = await subscribed("pro");
    const preview = await call("PATCH", accountId, { planId: "business", preview: true });
    expect(preview).toMatchObject({
      status: 200,
      body: {
        amountDueMinor: 7_000,
        currency: "usd",
        lines: expect.any(Array),
        effectiveAt: expect.any(String),
      },
    });
    expect(
      preview.body.lines.map(({ amountMinor }: { amountMinor: number }) => amountMinor).sort(),
    ).toContain(-2_900);
    expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data).toHaveLength(2);
    expect(await get(accountId)).toMatchObject({ planId: "pro" });

    const changed = await call("PATCH", accountId, { planId: "business" });
    expect(changed).toMatchObject({
      status: 200,
      body: { planId: "business", status: "active", pendingPlanId: null },
    });
    const after = await gateway.stripe.subscriptions.retrieve(subscriptionId, { expand: ["latest_invoice"] });
    expect(after.items.data).toHaveLength(1);
    expect(after.metadata["plan_changed_at"]).toMatch(/^\d{10}$/);
    expect(after.latest_invoice).toMatchObject({ status: "paid", amount_paid: 7_000 });
  });

  test("whose payment fails is 402 and changes nothing", async () => {
    const { accountId, subscriptionId } = await subscribed("pro");
    const { customer } = await gateway.stripe.subscriptions.retrieve(subscriptionId);
    const card = await gateway.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
      customer: customer as string,
    });
    await gateway.stripe.subscriptions.update(subscriptionId, { default_payment_method: card.id });
    const refused = await call("PATCH", accountId, { planId: "business" });
    expect(refused).toMatchObject({ status: 402, body: { code: "PAYMENT_FAILED" } });
    expect(await get(accountId)).toMatchObject({ planId: "pro", status: "active" });
    expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data).toHaveLength(2);
  });

  test("asked for twice at once is made once", async () => {
    const { accountId, subscriptionId } = await subscribed("pro");
    const answers = await Promise.all([1, 2, 3].map(() => call("PATCH", accountId, { planId: "business" })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    const paid = await gateway.stripe.invoices.list({ subscription: subscriptionId });
    expect(paid.data.map(({ amount_paid }) => amount_paid).toSorted((a, b) => a - b)).toEqual([2_900, 7_000]);
  });
});

describe("a downgrade", () => {
  test("comes at the period's end, and is taken back by asking for the present plan", async () => {
    const { accountId, subscriptionId } = await subscribed("business");
    const preview = await call("PATCH", accountId, { planId: "pro", preview: true });
    const { period } = await get(accountId);
    expect(preview).toMatchObject({ status: 200, body: { amountDueMinor: 2_900, effectiveAt: period.end } });

    expect(await call("PATCH", accountId, { planId: "pro" })).toMatchObject({
      status: 200,
      body: { planId: "business", cancelAtPeriodEnd: false },
    });
    const scheduled = await gateway.stripe.subscriptions.retrieve(subscriptionId, { expand: ["schedule"] });
    const schedule = scheduled.schedule as { id: string; phases: { items: object[]; start_date: number }[] };
    expect(schedule.phases).toHaveLength(2);
    expect(schedule.phases[1]?.items).toHaveLength(2);
    expect(schedule.phases[1]?.start_date).toBe(Date.parse(period.end) / 1000);

    expect(await call("PATCH", accountId, { planId: "business" })).toMatchObject({ status: 200 });
    expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).schedule).toBeNull();
    expect(await call("PATCH", accountId, { planId: "business" })).toMatchObject({
      status: 409,
      body: { code: "SAME_PLAN" },
    });
  });

  test("to Free is a cancellation at the period's end", async () => {
    const { accountId } = await subscribed("pro");
    expect(await call("PATCH", accountId, { planId: "free", preview: true })).toMatchObject({ status: 200 });
    expect(await call("PATCH", accountId, { planId: "free" })).toMatchObject({
      status: 200,
      body: { planId: "pro", cancelAtPeriodEnd: true, pendingPlanId: "free" },
    });
  });

  test("gives way to a cancellation", async () => {
    const { accountId, subscriptionId } = await subscribed("business");
    await call("PATCH", accountId, { planId: "pro" });
    expect(await call("DELETE", accountId)).toMatchObject({ status: 200, body: { cancelAtPeriodEnd: true } });
    expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).schedule).toBeNull();
  });
});

describe("a cancellation", () => {
  test("at the period's end is taken back by resume; each of them once", async () => {
    const { accountId } = await subscribed("pro");
    expect(await call("POST", accountId, {}, "/resume")).toMatchObject({
      status: 409,
      body: { code: "NOT_CANCELED" },
    });
    expect(await call("DELETE", accountId)).toMatchObject({ status: 200, body: { cancelAtPeriodEnd: true } });
    expect(await call("DELETE", accountId)).toMatchObject({
      status: 409,
      body: { code: "ALREADY_CANCELED" },
    });
    expect(await call("POST", accountId, undefined, "/resume")).toMatchObject({
      status: 200,
      body: { cancelAtPeriodEnd: false, pendingPlanId: null },
    });
  });

  test("now ends it", async () => {
    const { accountId } = await subscribed("pro");
    const ended = await gateway.request("DELETE", `/billing/subscription?accountId=${accountId}&when=now`, {
      bearer: gateway.serviceKey,
    });
    expect(ended).toMatchObject({ status: 200, body: { planId: "free", status: "active" } });
    expect(await call("DELETE", accountId)).toMatchObject({ status: 409, body: { code: "NO_SUBSCRIPTION" } });
  });

  test("at another time than two is 422", async () => {
    const { accountId } = await subscribed("pro");
    const answer = await gateway.request(
      "DELETE",
      `/billing/subscription?accountId=${accountId}&when=later`,
      {
        bearer: gateway.serviceKey,
      },
    );
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "query.when" }] } });
  });
});

test("an account without a subscription has nothing to change, cancel or resume", async () => {
  const accountId = await gateway.openAccount();
  for (const answer of [
    await call("PATCH", accountId, { planId: "pro" }),
    await call("PATCH", accountId, { planId: "pro", preview: true }),
    await call("PATCH", accountId, { planId: "free" }),
    await call("DELETE", accountId),
    await call("POST", accountId, {}, "/resume"),
  ]) {
    expect(answer).toMatchObject({ status: 409, body: { code: "NO_SUBSCRIPTION" } });
  }
  expect(await call("PATCH", accountId, { planId: "gold" })).toMatchObject({
    status: 422,
    body: { code: "UNKNOWN_PLAN" },
  });
});

test("a lease that a dead process left is waited for no longer than it lasts", async () => {
  const { accountId } = await subscribed("pro");
  const until = new Date(Date.now() + 500);
  await gateway.db.run(
    "test.lease",
    sql`insert into account_leases values (${accountId}::text, 'dead', ${until}::timestamptz)`,
  );
  expect(await call("DELETE", accountId)).toMatchObject({ status: 200 });
  expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
});

// Last: nobody aggregates here, so that its partition stays behind.
test("an upgrade waits until the usage so far is billed, and is 503 where that does not come", async () => {
  const { accountId, subscriptionId } = await subscribed("pro");
  const event = { id: "e1", metric: "events", accountId, quantity: 5 };
  const used = await gateway.request("POST", "/billing/usage", { bearer: gateway.serviceKey, body: event });
  expect(used.status).toBe(202);
  const refused = await call("PATCH", accountId, { planId: "business" });
  expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(refused.headers.get("retry-after")).not.toBeNull();
  expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data).toHaveLength(2);
});
