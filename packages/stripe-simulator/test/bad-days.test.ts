import { expect, test } from "vitest";
import { clientFor, createPro, receiveWebhooks, refusal, setUp } from "./harness.ts";

test("limits that are switched on: an endpoint's, then that of all calls, with Stripe's reason", async () => {
  const { stripe, sim } = await setUp();
  await sim("POST", "/_sim/behaviours", { callsPerSecondOfEndpoint: 3 });
  const answers = async (calls: number) => {
    const settled = await Promise.allSettled(Array.from({ length: calls }, () => stripe.customers.list()));
    return settled
      .filter(({ status }) => status === "rejected")
      .map((each) => (each as PromiseRejectedResult).reason);
  };
  const refused = await answers(40);
  expect(refused.length).toBeGreaterThan(10);
  expect(refused[0]).toMatchObject({
    statusCode: 429,
    type: "StripeRateLimitError",
    code: "rate_limit",
    headers: { "stripe-rate-limited-reason": "endpoint-rate" },
  });
  expect(refused[0].headers["stripe-should-retry"]).toBeUndefined();
  await sim("POST", "/_sim/behaviours", { callsPerSecondOfEndpoint: null, callsPerSecond: 2 });
  expect((await answers(40))[0].headers["stripe-rate-limited-reason"]).toBe("global-rate");
  await sim("DELETE", "/_sim/behaviours");
  expect(await answers(30)).toEqual([]);
});

test("faults say why and whether to try again, and strike at every n-th call", async () => {
  const { stripe, sim } = await setUp();
  await sim("POST", "/_sim/faults", { kind: "rate-limit", reason: "resource-specific", shouldRetry: true });
  expect((await refusal(stripe.customers.list())).headers).toMatchObject({
    "stripe-rate-limited-reason": "resource-specific",
    "stripe-should-retry": "true",
  });
  await sim("POST", "/_sim/faults", { kind: "lock-timeout" });
  const locked = await refusal(stripe.customers.list());
  expect(locked).toMatchObject({ statusCode: 429, code: "lock_timeout" });
  expect(locked.headers?.["stripe-rate-limited-reason"]).toBeUndefined();
  await sim("POST", "/_sim/faults", { kind: "server-error", every: 3, count: 2 });
  const outcomes: boolean[] = [];
  for (let calls = 0; calls < 9; calls += 1)
    outcomes.push(
      await stripe.customers.list().then(
        () => true,
        () => false,
      ),
    );
  expect(outcomes).toEqual([true, true, false, true, true, false, true, true, true]);
  for (const wrong of [
    { kind: "rate-limit", reason: "mood" },
    { kind: "slow", every: 0 },
  ])
    expect((await sim("POST", "/_sim/faults", wrong)).status).toBe(400);
});

test("a bad day has a name, is begun once and ends whole", async () => {
  const { stripe, sim } = await setUp();
  const isRunning = async () => {
    const { body } = await sim("GET", "/_sim/scenarios");
    return (body as { data: { name: string; isRunning: boolean }[] }).data
      .filter((each) => each.isRunning)
      .map(({ name }) => name);
  };
  await sim("POST", "/_sim/faults", { kind: "slow", delayMs: 1, count: null, pathPrefix: "/v1/prices" });
  for (let again = 0; again < 2; again += 1) await sim("POST", "/_sim/scenarios", { name: "stripe-outage" });
  expect(await isRunning()).toEqual(["stripe-outage"]);
  expect(await refusal(stripe.customers.list())).toMatchObject({ statusCode: 500 });
  expect(await refusal(stripe.v2.core.eventDestinations.list())).toMatchObject({ statusCode: 500 });
  await sim("DELETE", "/_sim/scenarios/stripe-outage");
  expect((await stripe.customers.list()).data).toEqual([]);
  expect(((await sim("GET", "/_sim/faults")).body as { data: unknown[] }).data).toHaveLength(1);
  expect((await sim("POST", "/_sim/scenarios", { name: "sunshine" })).status).toBe(400);

  await sim("POST", "/_sim/scenarios", { name: "flaky" });
  // A connection that is closed is tried again by the package itself.
  const statuses = new Set<number | undefined>();
  for (let calls = 0; calls < 40; calls += 1)
    await stripe.customers.create({ name: "Ada" }).catch(({ statusCode }) => statuses.add(statusCode));
  expect(statuses).toEqual(new Set([500, 429]));
  await sim("DELETE", "/_sim/scenarios");
  expect(await isRunning()).toEqual([]);
});

test("lost answers: with an idempotency key everything is done once all the same", async () => {
  const { simulator, sim } = await setUp();
  const stripe = clientFor(simulator.port, { maxNetworkRetries: 5 });
  await sim("POST", "/_sim/scenarios", { name: "lost-answers" });
  for (let calls = 0; calls < 12; calls += 1) await stripe.customers.create({ name: `${calls}` });
  await sim("DELETE", "/_sim/scenarios");
  expect((await stripe.customers.list({ limit: 100 })).data).toHaveLength(12);
});

test("webhook chaos: some are lost, some come twice, the rest late and in another order", async () => {
  const { stripe, sim } = await setUp();
  const hook = await receiveWebhooks();
  await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["customer.created"] });
  await sim("POST", "/_sim/scenarios", { name: "webhook-chaos" });
  for (let calls = 0; calls < 30; calls += 1) await stripe.customers.create({ name: `${calls}` });
  const { body } = await sim("GET", "/_sim/deliveries");
  const deliveries = (body as { data: { eventId: string; status: string; nextAttemptAtMs: number | null }[] })
    .data;
  const ofEvent = Map.groupBy(deliveries, ({ eventId }) => eventId);
  expect(deliveries.filter(({ status }) => status === "failed").length).toBe(6);
  expect([...ofEvent.values()].filter((each) => each.length === 2).length).toBeGreaterThan(3);
  expect(new Set(deliveries.map(({ nextAttemptAtMs }) => nextAttemptAtMs)).size).toBeGreaterThan(5);
});

test.each(["until-finalization", "as-drafted"] as const)("usage after the draft: %s", async (draftUsage) => {
  const { stripe, simulator, sim } = await setUp();
  await sim("POST", "/_sim/faults", { kind: "no-holding" });
  expect((await sim("POST", "/_sim/behaviours", { draftUsage })).body).toMatchObject({ draftUsage });
  const { customer, subscription } = await subscribeMetered(stripe);
  const [item] = subscription.items.data;
  const end = item?.current_period_end ?? 0;
  await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: end });
  await expect
    .poll(async () => (await stripe.testHelpers.testClocks.retrieve(simulator.testClockId)).status)
    .toBe("ready");
  await use(stripe, customer, end - 1);
  const [draft] = (await stripe.invoices.list({ subscription: subscription.id, status: "draft" })).data;
  expect((await stripe.invoices.finalizeInvoice(draft?.id ?? "")).total).toBe(
    draftUsage === "as-drafted" ? 0 : 50,
  );
});

test("an idempotency key is forgotten, and two items of one meter refused, where a test says so", async () => {
  const { stripe, sim } = await setUp();
  const create = () => stripe.customers.create({ name: "Ada" }, { idempotencyKey: "one" });
  const first = await create();
  await sim("POST", "/_sim/behaviours", { idempotencyKeyHours: 24 });
  expect((await create()).id).toBe(first.id);
  const { customer, subscription, price } = await subscribeMetered(stripe);
  const other = await stripe.prices.create({
    product: price.product as string,
    currency: "usd",
    unit_amount: 1,
    recurring: { interval: "month", usage_type: "metered", meter: price.recurring?.meter ?? "" },
  });
  const add = () => stripe.subscriptions.update(subscription.id, { items: [{ price: other.id }] });
  expect((await add()).items.data).toHaveLength(2);
  await sim("POST", "/_sim/behaviours", { itemsOfOneMeter: "refused" });
  const items = [{ price: price.id }, { price: other.id }];
  expect(await refusal(stripe.subscriptions.create({ customer, items }))).toMatchObject({ statusCode: 400 });
  for (const wrong of [{}, { mood: "bad" }, { callsPerSecond: 0 }])
    expect((await sim("POST", "/_sim/behaviours", wrong)).status).toBe(400);
});

test("the portal: another plan, a pause and its end, where the configuration offers them", async () => {
  const { stripe } = await setUp();
  const pro = await createPro(stripe);
  const other = await createPro(stripe);
  const customer = (await stripe.customers.create({ name: "Ada" })).id;
  const { id: method } = await stripe.paymentMethods.attach("pm_card_visa", { customer });
  const { id } = await stripe.subscriptions.create({
    customer,
    items: [{ price: pro.id }],
    default_payment_method: method,
  });
  const open = async (isOffered: boolean) => {
    const configuration = await stripe.billingPortal.configurations.create({
      features: {
        subscription_pause: { enabled: isOffered },
        subscription_update: {
          enabled: isOffered,
          default_allowed_updates: ["price"],
          products: [{ product: other.product as string, prices: [other.id] }],
          proration_behavior: "always_invoice",
        },
      },
    });
    const { url } = await stripe.billingPortal.sessions.create({ customer, configuration: configuration.id });
    return {
      page: async () => (await fetch(url)).text(),
      act: async (action: string, form: Record<string, string> = {}) =>
        (
          await fetch(`${url}/${action}`, {
            method: "POST",
            redirect: "manual",
            body: new URLSearchParams({ subscription: id, ...form }),
          })
        ).status,
    };
  };
  const closed = await open(false);
  expect(await closed.page()).not.toMatch(/Change to|Pause plan/);
  expect([await closed.act("pause"), await closed.act("update", { price: other.id })]).toEqual([400, 400]);
  const portal = await open(true);
  expect(await portal.page()).toMatch(/Change to Pro, .*29\.00/);
  expect(await portal.act("update", { price: pro.id })).toBe(400);
  expect(await portal.act("update", { price: other.id })).toBe(303);
  expect((await stripe.subscriptions.retrieve(id)).items.data[0]?.price.id).toBe(other.id);
  expect(await portal.act("pause")).toBe(303);
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("paused");
  expect(await portal.page()).toContain("Resume plan");
  expect(await portal.act("resume")).toBe(303);
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("active");
});

type Client = Awaited<ReturnType<typeof setUp>>["stripe"];

/** A subscription that bills one cent an event and nothing else. */
async function subscribeMetered(stripe: Client) {
  const meter = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "events",
    default_aggregation: { formula: "sum" },
  });
  const product = await stripe.products.create({ name: "Events" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1,
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
  });
  const customer = (await stripe.customers.create({ name: "Ada" })).id;
  const { id: method } = await stripe.paymentMethods.attach("pm_card_visa", { customer });
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price: price.id }],
    default_payment_method: method,
  });
  return { customer, subscription, price };
}

const use = (stripe: Client, customer: string, timestamp: number) =>
  stripe.billing.meterEvents.create({
    event_name: "events",
    payload: { stripe_customer_id: customer, value: "50" },
    timestamp,
  });
