import { checkoutSessions, sql, stripeCustomerLeases, stripeObjects } from "@driftlock/db";
import type { Stripe } from "@driftlock/stripe";
import { expect, test } from "vitest";
import { syncStripeObjectProcessor } from "../src/jobs/sync-stripe-object.ts";
import { createSyncObject } from "../src/sync/sync-object.ts";
import { openWorld, type World } from "./world.ts";

const fetchCount = async ({ rows }: World) =>
  (
    await rows<{ n: number }>(
      sql`select case when is_called then last_value else 0 end as n from stripe_fetch_sequence`,
    )
  )[0]?.n;
const object = async ({ db }: World, objectId: string) => {
  const row = await stripeObjects.findStripeObject(db, objectId);
  return (
    row && { dirtyBy: row.generation - row.syncedGeneration, accountId: row.accountId, failure: row.failure }
  );
};
const subscriptions = ({ rows }: World) =>
  rows(
    sql`select stripe_subscription_id as id, account_id, plan_id, status from user_subscriptions order by 1`,
  );

async function openPaying(planId = "pro") {
  const world = await openWorld();
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const subscription = await world.subscribe("acme", customer, planId);
  return { ...world, customer, subscription };
}

test("a subscription gives its account the plan and the customer", async () => {
  const world = await openPaying();
  await world.mark(world.subscription, "subscription");
  expect(await world.sync(world.subscription)).toBe("acme");
  expect(await subscriptions(world)).toEqual([
    { id: world.subscription, account_id: "acme", plan_id: "pro", status: "active" },
  ]);
  expect(await world.rows(sql`select stripe_customer_id from accounts`)).toEqual([
    { stripe_customer_id: world.customer },
  ]);
  const periods = await world.rows<{ plan_id: string }>(
    sql`select plan_id from usage_periods order by period_start`,
  );
  expect(periods.map(({ plan_id }) => plan_id)).toContain("pro");
  expect(await world.rows(sql`select type, dedupe_key from notices`)).toEqual([
    { type: "subscription.started", dedupe_key: `subscription.started.${world.subscription}` },
  ]);
});

test("hints that come before the fetch share it, and nothing is fetched without one", async () => {
  const world = await openPaying();
  for (let hints = 0; hints < 20; hints += 1) {
    await world.mark(world.subscription, "subscription", world.customer);
  }
  await Promise.all([world.sync(world.subscription), world.sync(world.subscription)]);
  expect(await fetchCount(world)).toBe(1);
  expect(await object(world, world.subscription)).toEqual({ dirtyBy: 0, accountId: "acme", failure: null });
});

test("a hint that comes during the fetch causes another", async () => {
  const world = await openPaying();
  await world.mark(world.subscription, "subscription");
  await world.addFault({ kind: "slow", pathPrefix: "/v1/subscriptions", delayMs: 1_000 });
  const syncing = world.sync(world.subscription);
  await expect.poll(() => fetchCount(world)).toBe(1);
  await world.mark(world.subscription, "subscription");
  await syncing;
  expect(await fetchCount(world)).toBe(2);
  expect(await object(world, world.subscription)).toMatchObject({ dirtyBy: 0 });
});

test("an object that changes all the time does not keep others waiting: after three fetches it is a job again", async () => {
  const world = await openPaying();
  await world.mark(world.subscription, "subscription", world.customer);
  const { stripe } = world.syncDeps;
  const retrieve = stripe.subscriptions.retrieve.bind(stripe.subscriptions);
  stripe.subscriptions.retrieve = (async (...given: Parameters<typeof retrieve>) => {
    await world.mark(world.subscription, "subscription");
    return retrieve(...given);
  }) as typeof retrieve;
  expect(await world.sync(world.subscription)).toBe("acme");
  expect(await fetchCount(world)).toBe(3);
  expect(await object(world, world.subscription)).toMatchObject({ dirtyBy: 1 });
  expect(await world.inspector.pendingCount()).toBe(1);
});

test("a process that slept through its lease commits nothing", async () => {
  const world = await openPaying();
  const { db, customer, subscription } = world;
  await world.mark(subscription, "subscription", customer);
  await world.addFault({ kind: "slow", pathPrefix: "/v1/subscriptions", delayMs: 1_000 });
  const slept = world.sync(subscription).catch((error: unknown) => error);
  await expect.poll(() => fetchCount(world)).toBe(1);
  // Its time runs out, and somebody else syncs what the customer has become in the meantime.
  await db.run("test", sql`update stripe_customer_leases set leased_until = '-infinity'`);
  await world.stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  expect(await world.sync(subscription)).toBe("acme");
  expect(await slept).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("taken over") });
  expect(await world.rows(sql`select cancel_at_period_end, fetch_sequence from user_subscriptions`)).toEqual([
    { cancel_at_period_end: true, fetch_sequence: 2 },
  ]);
});

test("a fetch that is older than what was applied is not applied", async () => {
  const world = await openPaying();
  await world.mark(world.subscription, "subscription");
  await world.addFault({ kind: "slow", pathPrefix: "/v1/subscriptions", delayMs: 1_000 });
  const late = world.sync(world.subscription).catch((error: unknown) => error);
  await expect.poll(() => fetchCount(world)).toBe(1);
  // As if a later one had been applied under the same lease.
  await world.db.run("test", sql`update stripe_objects set fetch_sequence = 99`);
  expect(await late).toMatchObject({ message: expect.stringContaining("A later fetch") });
  expect(await subscriptions(world)).toEqual([]);
});

test("two objects of one customer wait for each other, and a lease that was lost runs out", async () => {
  const world = await openPaying();
  const lease = { stripeCustomerId: world.customer, holder: "dead", ttlMs: 300 };
  expect(await stripeCustomerLeases.claimLease(world.db, lease)).toBe(1);
  expect(await stripeCustomerLeases.claimLease(world.db, lease)).toBeNull();
  await world.mark(world.subscription, "subscription");
  await world.mark(world.customer, "customer");
  await Promise.all([world.sync(world.subscription), world.sync(world.customer)]);
  expect(await object(world, world.customer)).toMatchObject({ dirtyBy: 0 });
  expect(await world.rows(sql`select is_default, brand, last4 from payment_methods`)).toEqual([
    { is_default: false, brand: "visa", last4: "4242" },
  ]);
});

test("a late end of an old subscription changes nothing", async () => {
  const world = await openPaying();
  await world.stripe.subscriptions.cancel(world.subscription);
  const business = await world.subscribe("acme", world.customer, "business");
  await world.mark(business, "subscription");
  await world.sync(business);
  const before = await world.rows(sql`select * from usage_periods order by period_start`);
  await world.mark(world.subscription, "subscription");
  await world.sync(world.subscription);
  expect(await subscriptions(world)).toMatchObject(
    [
      { id: world.subscription, status: "canceled" },
      { id: business, plan_id: "business", status: "active" },
    ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
  expect((await world.rows(sql`select * from usage_periods order by period_start`)).at(-1)).toEqual(
    before.at(-1),
  );
});

test("what is none of ours is ignored with its reason, and known as such", async () => {
  const world = await openWorld();
  const stranger = (await world.stripe.customers.create({ name: "Stranger" })).id;
  await world.db.run(
    "test",
    sql`insert into stripe_events (event_id, type, object_id, outcome, recorded_at) values ('evt_1', 'customer.updated', ${stranger}::text, 'applied', now())`,
  );
  await world.mark(stranger, "customer");
  expect(await world.sync(stranger)).toBeNull();
  expect(await world.rows(sql`select outcome, reason from stripe_events`)).toEqual([
    { outcome: "ignored", reason: `no account for the customer ${stranger}` },
  ]);
  for (const [id, type] of [
    ["sub_none", "subscription"],
    ["in_none", "invoice"],
    ["cs_none", "checkout.session"],
  ] as const) {
    await world.mark(id, type);
    expect(await world.sync(id)).toBeNull();
    expect(await object(world, id)).toMatchObject({ dirtyBy: 0 });
  }
});

test("what cannot be mended by trying again is set aside with its reason until it is hinted at anew", async () => {
  const world = await openPaying();
  const product = await world.stripe.products.create({ name: "Other" });
  const price = await world.stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1,
    recurring: { interval: "month" },
  });
  const { items } = await world.stripe.subscriptions.retrieve(world.subscription);
  await world.stripe.subscriptions.update(world.subscription, {
    items: [...items.data.map(({ id }) => ({ id, deleted: true, clear_usage: true })), { price: price.id }],
    proration_behavior: "none",
  });
  const job = syncStripeObjectProcessor({ ...world, syncObject: (id) => world.sync(id) });
  const run = () =>
    job.run({ objectId: world.subscription }, { ...world.context, attempt: 1, requestId: undefined });
  await world.mark(world.subscription, "subscription");
  await expect(run()).rejects.toMatchObject({ code: "UNKNOWN_PLAN" });
  expect(await object(world, world.subscription)).toMatchObject({
    dirtyBy: 1,
    failure: expect.stringContaining("catalogue"),
  });
  expect(await stripeObjects.countDirtyStripeObjects(world.db)).toBe(0);
  await world.db.run(
    "test",
    sql`update subscription_plans set stripe_price_id = ${price.id}::text where plan_id = 'business'`,
  );
  await run();
  expect(await object(world, world.subscription)).toEqual({ dirtyBy: 0, accountId: "acme", failure: null });
});

test("an answer whose period lies where another version of Stripe's API has it becomes no row, and says so", async () => {
  const world = await openPaying();
  await world.mark(world.subscription, "subscription");
  await world.sync(world.subscription);
  const before = await subscriptions(world);
  const retrieve = async (id: string) => {
    const { items, ...subscription } = await world.stripe.subscriptions.retrieve(id);
    const data = items.data.map(
      ({ current_period_start: _start, current_period_end: _end, ...item }) => item,
    );
    return { ...subscription, items: { ...items, data } };
  };
  const stripe = Object.create(world.stripe, { subscriptions: { value: { retrieve } } }) as Stripe;
  const syncObject = createSyncObject({ ...world.syncDeps, stripe });
  const job = syncStripeObjectProcessor({ ...world, syncObject: (id) => syncObject(id, world.context) });
  await world.mark(world.subscription, "subscription");
  await expect(
    job.run({ objectId: world.subscription }, { ...world.context, attempt: 1, requestId: undefined }),
  ).rejects.toMatchObject({ code: "INVALID" });
  expect(await object(world, world.subscription)).toMatchObject({
    dirtyBy: 1,
    failure: expect.stringContaining("instant"),
  });
  expect(await subscriptions(world)).toEqual(before);
});

test("a deleted customer leaves its account without one, and without cards", async () => {
  const world = await openPaying();
  for (const [id, type] of [
    [world.subscription, "subscription"],
    [world.customer, "customer"],
  ] as const) {
    await world.mark(id, type);
    await world.sync(id);
  }
  await checkoutSessions.insertSession(world.db, {
    ...{ sessionId: "cs_open", accountId: "acme", planId: "business", url: "https://example.test/" },
    ...{ successUrl: "https://example.test/", cancelUrl: "https://example.test/" },
    ...{ expiresAt: new Date(world.clock.now().getTime() + 86_400_000), now: world.clock.now() },
  });
  await world.stripe.customers.del(world.customer);
  await world.mark(world.customer, "customer");
  await world.sync(world.customer);
  expect(await checkoutSessions.findOpenSession(world.db, "acme")).toBeNull();
  await world.sync(world.subscription); // marked by the customer's end
  expect(await world.rows(sql`select stripe_customer_id from accounts`)).toEqual([
    { stripe_customer_id: null },
  ]);
  expect(await world.rows(sql`select * from payment_methods`)).toEqual([]);
  expect(await subscriptions(world)).toMatchObject([{ account_id: "acme", status: "canceled" }]);
  // A late hint at one of its objects does not tie the account to it again.
  await world.mark(world.subscription, "subscription");
  await world.sync(world.subscription);
  expect(await world.rows(sql`select stripe_customer_id from accounts`)).toEqual([
    { stripe_customer_id: null },
  ]);
});
