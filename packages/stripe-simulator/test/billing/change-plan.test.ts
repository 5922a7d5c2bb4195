import { afterAll, beforeAll, expect, test } from "vitest";
import { amounts, at, createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-04-01T00:00:00Z");
});
afterAll(() => world.close());

const itemOf = (
  subscription: { items: { data: { id: string; price: { id: string } }[] } },
  price: string,
): string => {
  const item = subscription.items.data.find((each) => each.price.id === price);
  if (item === undefined) throw new Error(`no item of ${price}`);
  return item.id;
};

test("an upgrade is charged at once for the rest of the month, and its preview said so", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro]);
  const { current_period_start: start, current_period_end: end } = started.items.data[0] ?? {
    current_period_start: 0,
    current_period_end: 0,
  };
  const middle = start + (end - start) / 2;
  await world.travelTo(middle);
  const change = {
    items: [{ id: itemOf(started, catalog.pro.id), price: catalog.business.id }],
    proration_behavior: "always_invoice" as const,
    proration_date: middle,
  };
  const preview = await stripe.invoices.createPreview({
    subscription: started.id,
    subscription_details: change,
  });
  expect(amounts(preview)).toEqual([-1_450, 4_950]);
  expect(preview).toMatchObject({ status: "draft", billing_reason: "upcoming", total: 3_500 });
  expect((await world.subscription(started.id)).items.data[0]?.price.id).toBe(catalog.pro.id);
  expect(await world.invoices(started.id)).toHaveLength(1);

  const upgraded = await stripe.subscriptions.update(started.id, change);
  expect(upgraded.items.data.map((item) => [item.price.id, item.current_period_end])).toEqual([
    [catalog.business.id, end],
  ]);
  const invoice = await world.invoice(started.id, 1);
  expect(invoice).toMatchObject({ status: "paid", billing_reason: "subscription_update", total: 3_500 });
  expect(invoice.lines.data.map((line) => line.description)).toEqual(
    preview.lines.data.map((line) => line.description),
  );
  expect(invoice.lines.data[0]?.parent?.subscription_item_details).toMatchObject({ proration: true });
  expect(invoice.parent?.subscription_details?.subscription_proration_date).toBe(middle);

  await world.travelTo(end + 7_200);
  expect(amounts(await world.invoice(started.id, 2))).toEqual([9_900]);
});

test("prorations wait for the renewal unless they are invoiced at once, and none makes none", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  const middle = start + (end - start) / 2;
  await world.travelTo(middle);
  const change = {
    items: [{ id: itemOf(started, catalog.pro.id), price: catalog.business.id }],
    proration_date: middle,
  };
  const preview = await stripe.invoices.createPreview({
    subscription: started.id,
    subscription_details: change,
  });
  await stripe.subscriptions.update(started.id, change);
  expect(await world.invoices(started.id)).toHaveLength(1);
  await stripe.subscriptions.update(started.id, {
    items: [{ id: itemOf(started, catalog.pro.id), price: catalog.pro.id }],
    proration_behavior: "none",
  });
  await stripe.subscriptions.update(started.id, {
    items: [{ id: itemOf(started, catalog.pro.id), price: catalog.business.id }],
    proration_behavior: "none",
  });
  await world.travelTo(end + 7_200);
  const renewal = await world.invoice(started.id, 1);
  expect(amounts(renewal)).toEqual([-1_450, 4_950, 9_900]);
  expect(amounts(preview)).toEqual(amounts(renewal));
});

test("what a downgrade at once credits stays with the customer and pays the next invoice", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.business]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  const middle = start + (end - start) / 2;
  await world.travelTo(middle);
  await stripe.subscriptions.update(started.id, {
    items: [{ id: itemOf(started, catalog.business.id), price: catalog.pro.id }],
    proration_behavior: "always_invoice",
    proration_date: middle,
  });
  expect(await world.invoice(started.id, 1)).toMatchObject({ status: "paid", total: -3_500, amount_due: 0 });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -3_500 });
  await world.travelTo(end + 7_200);
  const renewal = await world.invoice(started.id, 2);
  expect(renewal).toMatchObject({
    status: "paid",
    total: 2_900,
    amount_due: 0,
    starting_balance: -3_500,
    ending_balance: -600,
  });
});

test("a downgrade by schedule happens at the period's end, before the renewal is drawn", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.business]);
  const end = started.items.data[0]?.current_period_end ?? 0;
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: started.id });
  const current = schedule.phases[0];
  await stripe.subscriptionSchedules.update(schedule.id, {
    end_behavior: "release",
    phases: [
      { items: [{ price: catalog.business.id }], start_date: current?.start_date ?? 0, end_date: end },
      { items: [{ price: catalog.pro.id }, { price: catalog.overage.id }], proration_behavior: "none" },
    ],
  });
  expect((await world.subscription(started.id)).schedule).toBe(schedule.id);
  await expect(stripe.subscriptions.update(started.id, { cancel_at_period_end: true })).rejects.toThrow(
    "managed by the subscription schedule",
  );

  await world.travelTo(end + 7_200);
  const after = await world.subscription(started.id);
  expect(after.items.data.map((item) => item.price.id)).toEqual([catalog.pro.id, catalog.overage.id]);
  expect(amounts(await world.invoice(started.id, 1))).toEqual([2_900]);

  await world.use(customer.id, 120_000);
  await world.travelTo((after.items.data[0]?.current_period_end ?? 0) + 7_200);
  expect(await stripe.subscriptionSchedules.retrieve(schedule.id)).toMatchObject({
    status: "released",
    released_subscription: started.id,
  });
  expect(amounts(await world.invoice(started.id, 2))).toEqual([0, 1_000, 2_900]);
});

test("what is credited is what was debited, however often the plan changes", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  const id = itemOf(started, catalog.pro.id);
  const change = async (share: number, price: string) => {
    const proration_date = start + Math.round((end - start) * share);
    await world.travelTo(proration_date);
    await stripe.subscriptions.update(started.id, {
      items: [{ id, price }],
      proration_behavior: "always_invoice",
      proration_date,
    });
    return amounts(await world.invoice(started.id, -1));
  };
  expect(await change(0.5, catalog.business.id)).toEqual([-1_450, 4_950]);
  expect(await change(0.75, catalog.pro.id)).toEqual([-2_475, 725]);
  const quantity = { items: [{ id, quantity: 3 }], proration_behavior: "always_invoice" as const };
  const proration_date = start + Math.round((end - start) * 0.75);
  await stripe.subscriptions.update(started.id, { ...quantity, proration_date });
  expect(amounts(await world.invoice(started.id, -1))).toEqual([-725, 2_175]);
});

test("a phase that drops a metered price at the period's end still bills the month's usage", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro, catalog.overage]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: started.id });
  const now = [{ price: catalog.pro.id }, { price: catalog.overage.id }];
  await stripe.subscriptionSchedules.update(schedule.id, {
    phases: [{ items: now, start_date: start, end_date: end }, { items: [{ price: catalog.business.id }] }],
  });
  await world.use(customer.id, 103_000);
  await world.travelTo(end + 7_200);
  expect(amounts(await world.invoice(started.id, 1))).toEqual([0, 150, 9_900]);
});

test("a schedule that is released changes nothing, one that is cancelled takes the subscription with it", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const kept = await world.subscribe(customer.id, [catalog.pro]);
  const released = await stripe.subscriptionSchedules.create({ from_subscription: kept.id });
  await stripe.subscriptionSchedules.release(released.id);
  expect(await world.subscription(kept.id)).toMatchObject({ status: "active", schedule: null });

  const ended = await world.subscribe(customer.id, [catalog.business]);
  const cancelled = await stripe.subscriptionSchedules.create({ from_subscription: ended.id });
  expect(await stripe.subscriptionSchedules.cancel(cancelled.id)).toMatchObject({ status: "canceled" });
  expect((await world.subscription(ended.id)).status).toBe("canceled");
});

test("a metered price that goes in mid-month bills what was reported up to there, and its successor counts anew", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro, catalog.overage]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  await world.travelTo(start + 10 * 86_400);
  const swapAt = start + 10 * 86_400;
  await world.use(customer.id, 110_000, { timestamp: swapAt - 1 });
  await stripe.subscriptions.update(started.id, {
    items: [{ id: itemOf(started, catalog.overage.id), deleted: true }, { price: catalog.dearOverage.id }],
    proration_behavior: "always_invoice",
    proration_date: swapAt,
  });
  const cut = await world.invoice(started.id, 1);
  expect(amounts(cut)).toEqual([0, 500]);
  expect(cut.lines.data[0]?.period).toMatchObject({ start, end: swapAt });

  await world.use(customer.id, 1_500);
  await world.travelTo(end + 7_200);
  expect(amounts(await world.invoice(started.id, 2))).toEqual([0, 50, 2_900]);
});

test("another interval starts the cycle anew and is invoiced at once", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  await world.travelTo(start + (end - start) / 2);
  const yearly = await stripe.subscriptions.update(started.id, {
    items: [{ id: itemOf(started, catalog.pro.id), price: catalog.yearly.id }],
    proration_date: start + (end - start) / 2,
  });
  expect(yearly.billing_cycle_anchor).toBe(start + (end - start) / 2);
  expect(amounts(await world.invoice(started.id, 1))).toEqual([-1_450, 29_000]);
});

test("a trial is free, is announced, and is followed by the first paid month", async () => {
  const customer = await world.customer();
  const startsAt = await world.now();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro, world.catalog.overage], {
    trial_period_days: 7,
  });
  expect(subscription).toMatchObject({ status: "trialing", trial_end: subscription.billing_cycle_anchor });
  expect(await world.invoice(subscription.id, 0)).toMatchObject({
    status: "paid",
    total: 0,
    billing_reason: "subscription_create",
  });
  await world.use(customer.id, 500_000);
  await world.travelTo(startsAt + 4 * 86_400 + 60);
  expect(await world.events(startsAt + 86_400, subscription.id)).toEqual([
    "customer.subscription.trial_will_end",
  ]);
  await world.travelTo(startsAt + 7 * 86_400 + 7_200);
  expect((await world.subscription(subscription.id)).status).toBe("active");
  expect(amounts(await world.invoice(subscription.id, 1))).toEqual([2_900]);
});

test("a trial ended by hand is billed at once", async () => {
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro], {
    trial_end: (await world.now()) + at("1970-01-15T00:00:00Z"),
  });
  const active = await world.stripe.subscriptions.update(subscription.id, { trial_end: "now" });
  expect(active.status).toBe("active");
  expect(await world.invoice(subscription.id, 1)).toMatchObject({ status: "paid", total: 2_900 });
});

test("a trial without a card ends, pauses or goes on as it was set", async () => {
  const trial = (missing_payment_method: "cancel" | "pause" | "create_invoice", customer: string) =>
    world.subscribe(customer, [world.catalog.pro], {
      trial_period_days: 2,
      trial_settings: { end_behavior: { missing_payment_method } },
    });
  const { id } = await world.customer(null);
  const trials = [await trial("cancel", id), await trial("pause", id), await trial("create_invoice", id)];
  await world.travel({ days: 2, hours: 2 });
  const statuses = await Promise.all(trials.map(async (each) => (await world.subscription(each.id)).status));
  expect(statuses).toEqual(["canceled", "paused", "past_due"]);
});

test("a phase that ends within the month prorates as it says", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const started = await world.subscribe(customer.id, [catalog.pro]);
  const { current_period_start: start = 0, current_period_end: end = 0 } = started.items.data[0] ?? {};
  const middle = start + (end - start) / 2;
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: started.id });
  await stripe.subscriptionSchedules.update(schedule.id, {
    end_behavior: "cancel",
    phases: [
      { items: [{ price: catalog.pro.id }], start_date: start, end_date: middle },
      { items: [{ price: catalog.business.id }], end_date: end, proration_behavior: "always_invoice" },
    ],
  });
  await world.travelTo(middle + 60);
  expect((await world.subscription(started.id)).items.data.map((item) => item.price.id)).toEqual([
    catalog.business.id,
  ]);
  expect(amounts(await world.invoice(started.id, 1))).toEqual([-1_450, 4_950]);
  await world.travelTo(end + 60);
  expect((await world.subscription(started.id)).status).toBe("canceled");
  expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe("completed");
});

test("parameters that would change the money and are not simulated are refused", async () => {
  const customer = await world.customer();
  const discounted = world.subscribe(customer.id, [world.catalog.pro], { discounts: [{ coupon: "free" }] });
  await expect(discounted).rejects.toMatchObject({ statusCode: 400, param: "discounts" });
});
