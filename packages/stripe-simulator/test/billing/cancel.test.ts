import { afterAll, beforeAll, expect, test } from "vitest";
import { amounts, createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-06-15T09:00:00Z");
});
afterAll(() => world.close());

const start = async () => {
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro, world.catalog.overage]);
  const { current_period_start: startsAt = 0, current_period_end: endsAt = 0 } =
    subscription.items.data[0] ?? {};
  return { customer, subscription, startsAt, endsAt };
};

test("cancelled at the period's end it lives until then, and the usage of the last month is billed", async () => {
  const { customer, subscription, endsAt } = await start();
  const leaving = await world.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  expect(leaving).toMatchObject({
    status: "active",
    cancel_at: endsAt,
    cancellation_details: { reason: "cancellation_requested" },
  });
  await world.use(customer.id, 140_000);
  await world.travelTo(endsAt - 60);
  expect((await world.subscription(subscription.id)).status).toBe("active");
  await world.travelTo(endsAt + 7_200);
  expect(await world.subscription(subscription.id)).toMatchObject({ status: "canceled", cancel_at: endsAt });
  const last = await world.invoice(subscription.id, 1);
  expect(last).toMatchObject({ status: "paid", billing_reason: "subscription_cycle" });
  expect(amounts(last)).toEqual([0, 2_000]);
  await world.travel({ days: 40 });
  expect(await world.invoices(subscription.id)).toHaveLength(2);
});

test("a cancellation is taken back before the end", async () => {
  const { subscription, endsAt } = await start();
  await world.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  const staying = await world.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
  expect(staying).toMatchObject({
    cancel_at: null,
    canceled_at: null,
    cancellation_details: { reason: null },
  });
  await world.travelTo(endsAt + 7_200);
  expect((await world.subscription(subscription.id)).status).toBe("active");
});

test("cancelled now with invoice_now, usage so far is billed and collected, and nothing is refunded", async () => {
  const { customer, subscription } = await start();
  await world.use(customer.id, 101_000);
  await world.travel({ days: 5 });
  const ended = await world.stripe.subscriptions.cancel(subscription.id, { invoice_now: true });
  expect(ended).toMatchObject({ status: "canceled" });
  const final = await world.invoice(subscription.id, 1);
  expect(amounts(final)).toEqual([0, 50]);
  expect(final.status).toBe("paid");
  expect(ended.latest_invoice).toBe(final.id);
  await expect(world.stripe.subscriptions.cancel(subscription.id)).rejects.toMatchObject({
    code: "resource_missing",
  });
  await world.travel({ days: 40 });
  expect(await world.invoices(subscription.id)).toHaveLength(2);
});

test("cancelled now without more, usage is not billed", async () => {
  const { customer, subscription } = await start();
  await world.use(customer.id, 500_000);
  await world.stripe.subscriptions.cancel(subscription.id);
  expect(await world.invoices(subscription.id)).toHaveLength(1);
});

test("prorate credits the unused time to the customer", async () => {
  const { customer, subscription, startsAt, endsAt } = await start();
  await world.travelTo(startsAt + (endsAt - startsAt) / 2);
  await world.stripe.subscriptions.cancel(subscription.id, { invoice_now: true, prorate: true });
  const final = await world.invoice(subscription.id, 1);
  expect(final.total).toBeGreaterThanOrEqual(-1_450);
  expect(final.total).toBeLessThan(-1_440);
  expect(await world.stripe.customers.retrieve(customer.id)).toMatchObject({ balance: final.total });
});

test("a paused subscription draws nothing; resumed, a new month begins and is paid", async () => {
  const { subscription } = await start();
  const paused = await world.stripe.subscriptions.pause(subscription.id, { type: "subscription" });
  expect(paused.status).toBe("paused");
  const drawn = (await world.invoices(subscription.id)).length;
  await world.travel({ days: 45 });
  expect(await world.invoices(subscription.id)).toHaveLength(drawn);
  const resumed = await world.stripe.subscriptions.resume(subscription.id, {});
  expect(resumed.status).toBe("active");
  expect((await world.invoice(subscription.id, -1)).lines.data.map((line) => line.amount)).toEqual([2_900]);
});

test("pause_collection=void draws invoices that nobody owes", async () => {
  const { subscription, endsAt } = await start();
  await world.stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: "void" } });
  await world.travelTo(endsAt + 7_200);
  expect((await world.invoice(subscription.id, 1)).status).toBe("void");
  expect((await world.subscription(subscription.id)).status).toBe("active");
});

test("cancelled at a date within the month, the usage up to there is billed", async () => {
  const { customer, subscription, startsAt } = await start();
  await world.stripe.subscriptions.update(subscription.id, { cancel_at: startsAt + 10 * 86_400 });
  await world.use(customer.id, 102_000);
  await world.travelTo(startsAt + 10 * 86_400 + 7_200);
  expect((await world.subscription(subscription.id)).status).toBe("canceled");
  expect(amounts(await world.invoice(subscription.id, 1))).toEqual([0, 100]);
});
