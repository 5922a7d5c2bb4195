import { sql, stripeEvents } from "@driftlock/db";
import { createStripe } from "@driftlock/stripe";
import { expect, test } from "vitest";
import { sweepStripeEventsProcessor } from "../src/jobs/sweep-stripe-events.ts";
import { openWorld } from "./world.ts";

async function openSweep() {
  const world = await openWorld();
  const job = sweepStripeEventsProcessor(world);
  const sweep = () => job.run({}, { ...world.context, attempt: 1, requestId: undefined });
  const waiting = async () =>
    Object.fromEntries((await world.inspector.counts()).map((each) => [each.queue, each.waiting]));
  return { ...world, sweep, waiting };
}

test("events that never arrived are found, whichever way they would have come, and applied", async () => {
  const world = await openSweep();
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const subscription = await world.subscribe("acme", customer);
  const { authentication_token: secretKey } = await world.stripe.v2.billing.meterEventSession.create();
  await createStripe({
    secretKey,
    apiUrl: world.simulator.url,
    maxNetworkRetries: 0,
  }).v2.billing.meterEventStream.create({
    events: [{ event_name: "driftlock_events", payload: { stripe_customer_id: "cus_none", value: "5" } }],
  });
  await world.sweep();
  await world.startWorker();
  await world.settle();
  expect(await world.rows(sql`select stripe_subscription_id, status from user_subscriptions`)).toEqual([
    { stripe_subscription_id: subscription, status: "active" },
  ]);
  expect(await world.rows(sql`select status from invoices`)).toEqual([{ status: "paid" }]);
  expect(await world.rows(sql`select reason from usage_quarantine`)).toHaveLength(1);
  // All of it is known now: another sweep finds nothing, and its mark has moved.
  const before = await stripeEvents.findStripeEventSweep(world.db);
  const recorded = await world.rows(sql`select event_id from stripe_events`);
  await world.sweep();
  await world.settle();
  expect(await world.rows(sql`select event_id from stripe_events`)).toHaveLength(recorded.length);
  const after = await stripeEvents.findStripeEventSweep(world.db);
  expect(after?.sweptUntil.getTime()).toBeGreaterThan(
    before?.sweptUntil.getTime() ?? Number.POSITIVE_INFINITY,
  );
});

test("what was found and is lost on its way is found again, however late", async () => {
  const world = await openSweep();
  await world.openAccount("acme");
  await world.subscribe("acme", await world.createCustomer("acme"));
  await world.sweep();
  const found = await world.waiting();
  expect(found["stripe-events"]).toBeGreaterThan(0);
  await world.redis.flushdb();
  const { testClockId } = world.simulator;
  const inADay = Math.ceil(world.clock.now().getTime() / 1000) + 86_400;
  await world.stripe.testHelpers.testClocks.advance(testClockId, { frozen_time: inADay });
  await expect
    .poll(async () => (await world.stripe.testHelpers.testClocks.retrieve(testClockId)).status)
    .toBe("ready");
  await world.sweep();
  expect((await world.waiting())["stripe-events"]).toBeGreaterThanOrEqual(found["stripe-events"] ?? 0);
});

test("an object whose job was lost is synced, one that was set aside is not", async () => {
  const world = await openSweep();
  const longAgo = new Date(Date.now() - 120_000);
  for (const [id, failure] of [
    ["sub_lost", null],
    ["sub_failed", "unknown plan"],
  ] as const) {
    await world.mark(id, "subscription");
    await world.db.run(
      "test",
      sql`update stripe_objects set marked_at = ${longAgo}::timestamptz, failure = ${failure}::text where object_id = ${id}::text`,
    );
  }
  await world.mark("sub_fresh", "subscription");
  await world.sweep();
  expect(await world.waiting()).toEqual({ "stripe-events": 0, billing: 1 });
});

test("a sweep that breaks off leaves its mark where it was", async () => {
  const world = await openSweep();
  await world.addFault({ kind: "server-error", pathPrefix: "/v1/events", count: 10 });
  await expect(world.sweep()).rejects.toMatchObject({ code: "STRIPE_UNAVAILABLE" });
  expect(await stripeEvents.findStripeEventSweep(world.db)).toBeNull();
});
