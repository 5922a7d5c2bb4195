import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Stripe from "stripe";
import { expect, onTestFinished, test, vi } from "vitest";
import { createPro, openCheckout, receiveWebhooks, refusal, setUp } from "./harness.ts";

const DAY = 86_400;

type Clock = Stripe.TestHelpers.TestClock;

async function arrival(stripe: Stripe, id: string): Promise<Clock> {
  return vi.waitFor(
    async () => {
      const clock = await stripe.testHelpers.testClocks.retrieve(id);
      expect(clock.status).toBe("ready");
      return clock;
    },
    { timeout: 15_000, interval: 20 },
  );
}

async function subscribe(stripe: Stripe): Promise<Stripe.Subscription> {
  const price = await createPro(stripe);
  const customer = await stripe.customers.create({ payment_method: "pm_card_visa" });
  const [method] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  return stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: method!.id,
  });
}

test("it ticks, and an advance answers at once and ends at its target", async () => {
  const { stripe, simulator, sim } = await setUp();
  const before = await stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  expect(before.status).toBe("ready");
  expect(Math.abs(before.frozen_time - Date.now() / 1000)).toBeLessThan(3);
  const target = before.frozen_time + 3 * DAY;
  const poll = sim("GET", "/_sim/clock?version=1&waitMs=10000");
  const advancing = await stripe.testHelpers.testClocks.advance(simulator.testClockId, {
    frozen_time: target,
  });
  expect(advancing).toMatchObject({
    status: "advancing",
    status_details: { advancing: { target_frozen_time: target } },
  });
  expect((await poll).body).toMatchObject({ status: expect.stringMatching(/ready|advancing/) });
  const after = await arrival(stripe, simulator.testClockId);
  expect(after.frozen_time).toBeGreaterThanOrEqual(target);
  expect(after.frozen_time - target).toBeLessThan(5);
  expect((await stripe.events.list({ type: "test_helpers.test_clock.ready" })).data).toHaveLength(1);
  expect(
    await refusal(stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: target - 10 })),
  ).toMatchObject({ param: "frozen_time" });
});

test("it goes from due instant to due instant: a renewal is finalized and paid on the way", async () => {
  const { stripe, simulator } = await setUp();
  const subscription = await subscribe(stripe);
  const periodEnd = subscription.items.data[0]!.current_period_end;
  const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  expect(
    await refusal(
      stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: now + 90 * DAY }),
    ),
  ).toMatchObject({ param: "frozen_time" });
  await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: now + 32 * DAY });
  await arrival(stripe, simulator.testClockId);
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  expect(renewal).toMatchObject({ billing_reason: "subscription_cycle", status: "paid", amount_paid: 2900 });
  expect(renewal!.created - periodEnd).toBeLessThan(5);
  expect(renewal!.status_transitions.finalized_at! - renewal!.created).toBeGreaterThanOrEqual(3600);
});

test("it holds until webhooks were answered with 2xx", async () => {
  const { stripe, simulator } = await setUp();
  const hook = await receiveWebhooks((count) => (count === 1 ? 503 : 200));
  await subscribe(stripe);
  await stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ["invoice.created", "invoice.paid"],
  });
  const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: now + 32 * DAY });
  await arrival(stripe, simulator.testClockId);
  expect(hook.types()).toEqual(["invoice.created", "invoice.created", "invoice.paid"]);
  expect((await stripe.events.list({ delivery_success: false })).data).toEqual([]);
});

test("it stops at a participant's due instant and waits for it to catch up", async () => {
  const { stripe, simulator, sim } = await setUp();
  const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  const dueAtMs = (now + DAY) * 1000;
  const report = (caughtUpToMs: number, nextDueAtMs: number | null) =>
    sim("PUT", "/_sim/clock/participants/worker", { caughtUpToMs, nextDueAtMs });
  await report(now * 1000, dueAtMs);
  await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: now + 2 * DAY });
  const clock = async () => (await sim("GET", "/_sim/clock")).body as { nowMs: number; status: string };
  await vi.waitFor(async () => expect((await clock()).nowMs).toBeGreaterThanOrEqual(dueAtMs));
  await report(dueAtMs - 1, dueAtMs);
  expect(await clock()).toMatchObject({ status: "advancing" });
  expect((await clock()).nowMs).toBeLessThan(dueAtMs + 5000);
  await report(dueAtMs + 5000, null);
  await vi.waitFor(async () => expect((await clock()).nowMs).toBeGreaterThanOrEqual((now + 2 * DAY) * 1000));
  await report((now + 3 * DAY) * 1000, null);
  await arrival(stripe, simulator.testClockId);
});

test("after a restart it waits for who was waited for before, and for nobody else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "simulator-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const statePath = join(folder, "state.sqlite");
  const before = await setUp({ statePath });
  const { frozen_time: now } = await before.stripe.testHelpers.testClocks.retrieve(
    before.simulator.testClockId,
  );
  const dueAtMs = (now + DAY) * 1000;
  const path = "/_sim/clock/participants/worker";
  await before.sim("PUT", path, { caughtUpToMs: now * 1000, nextDueAtMs: dueAtMs });
  await before.stripe.testHelpers.testClocks.advance(before.simulator.testClockId, {
    frozen_time: now + 2 * DAY,
  });
  await before.simulator.close();

  const { stripe, simulator, sim } = await setUp({ statePath });
  const report = (caughtUpToMs: number, nextDueAtMs: number | null) =>
    sim("PUT", path, { caughtUpToMs, nextDueAtMs });
  const nowMs = async () => ((await sim("GET", "/_sim/clock")).body as { nowMs: number }).nowMs;
  expect(await nowMs()).toBeLessThan(dueAtMs + 5_000);
  await report(dueAtMs - 5_000, dueAtMs);
  expect(await nowMs()).toBeLessThan(dueAtMs + 5_000);
  await report(dueAtMs + 5_000, null);
  await vi.waitFor(async () => expect(await nowMs()).toBeGreaterThanOrEqual((now + 2 * DAY) * 1000));
  await report((now + 3 * DAY) * 1000, null);
  await arrival(stripe, simulator.testClockId);
});

test("a Checkout Session expires after 24 simulated hours", async () => {
  const { stripe, simulator } = await setUp();
  const session = await openCheckout(stripe);
  await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: session.expires_at + 1 });
  await arrival(stripe, simulator.testClockId);
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("expired");
  expect((await stripe.events.list({ type: "checkout.session.expired" })).data).toHaveLength(1);
});
