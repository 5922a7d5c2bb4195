import { afterAll, beforeAll, expect, test } from "vitest";
import { amounts, createWorld, iso, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-03-10T12:00:00Z");
});
afterAll(() => world.close());

test("a subscription is paid at once, and a month later the usage of the ended month is billed with the next", async () => {
  const { pro, overage } = world.catalog;
  const startsAt = await world.now();
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [pro, overage]);
  expect(subscription.status).toBe("active");
  const first = await world.invoice(subscription.id, 0);
  expect(first).toMatchObject({ status: "paid", billing_reason: "subscription_create", amount_paid: 2_900 });
  expect(amounts(first)).toEqual([2_900]);
  expect(await world.events(startsAt, subscription.id)).toEqual([
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
  ]);

  await world.use(customer.id, 150_000);
  const endsAt = subscription.items.data[0]?.current_period_end ?? 0;
  await world.travelTo(endsAt);
  const draft = await world.invoice(subscription.id, 1);
  expect(draft).toMatchObject({ status: "draft", billing_reason: "subscription_cycle", period_end: endsAt });
  expect(draft.automatically_finalizes_at).toBeGreaterThanOrEqual(endsAt + 3_600);
  expect(
    draft.lines.data.map(({ description, amount, period }) => [
      description,
      amount,
      period.start,
      period.end,
    ]),
  ).toEqual([
    ["100000 × Events (Tier 1 at $0.00 / month)", 0, draft.period_start, endsAt],
    ["50000 × Events (Tier 2 at $0.0005 / month)", 2_500, draft.period_start, endsAt],
    ["1 × Pro (at $29.00 / month)", 2_900, endsAt, expect.any(Number)],
  ]);

  await world.travel({ hours: 1, minutes: 1 });
  const paid = await world.invoice(subscription.id, 1);
  expect(paid).toMatchObject({
    status: "paid",
    amount_paid: 5_400,
    attempt_count: 1,
    next_payment_attempt: null,
  });
  expect(await world.events(endsAt, subscription.id)).toEqual([
    "invoice.created",
    "customer.subscription.updated",
    "invoice.finalized",
    "invoice.updated",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
  ]);
});

test("usage of the ended period counts until the draft is finalized, and later usage on no invoice at all", async () => {
  const { pro, overage } = world.catalog;
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [pro, overage]);
  const endsAt = subscription.items.data[0]?.current_period_end ?? 0;
  await world.use(customer.id, 100_000);
  await world.travelTo(endsAt + 600);
  const early = await world.invoice(subscription.id, 1);
  expect(early.total).toBe(2_900);

  await world.use(customer.id, 1_000, { timestamp: endsAt - 1 });
  await world.use(customer.id, 500_000, { timestamp: endsAt });
  const draft = await world.invoice(subscription.id, 1);
  expect(draft.total).toBe(2_950);
  expect(draft.lines.data.map((line) => line.id)).toEqual(
    expect.arrayContaining(early.lines.data.map((line) => line.id)),
  );

  const finalized = await world.stripe.invoices.finalizeInvoice(draft.id);
  expect(finalized.number).toMatch(/-0002$/);
  await world.use(customer.id, 9_000, { timestamp: endsAt - 1 });
  expect((await world.stripe.invoices.retrieve(draft.id)).total).toBe(2_950);

  await world.travel({ days: 31 });
  expect(amounts(await world.invoice(subscription.id, 2))).toEqual([0, 20_000, 2_900]);
});

test("whoever claims a draft finalizes it, when it is ready", async () => {
  const { pro, overage } = world.catalog;
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [pro, overage]);
  const endsAt = subscription.items.data[0]?.current_period_end ?? 0;
  await world.travelTo(endsAt);
  const draft = await world.invoice(subscription.id, 1);
  const claimed = await world.stripe.invoices.update(draft.id, {
    automatically_finalizes_at: endsAt + 86_400,
  });
  expect(claimed).toMatchObject({ auto_advance: true, automatically_finalizes_at: endsAt + 86_400 });
  await world.travel({ hours: 20 });
  expect((await world.invoice(subscription.id, 1)).status).toBe("draft");
  await world.travel({ hours: 5 });
  expect((await world.invoice(subscription.id, 1)).status).toBe("paid");
});

test("a month that began on the 31st ends on the last day of a short month and on the 31st again", async () => {
  const short = await createWorld("2027-01-31T08:30:00Z");
  const customer = await short.customer();
  const subscription = await short.subscribe(customer.id, [short.catalog.pro]);
  const ends: (string | null)[] = [];
  for (let month = 0; month < 3; month++) {
    const { items } = await short.subscription(subscription.id);
    ends.push(iso(items.data[0]?.current_period_end)?.slice(0, 10) ?? null);
    await short.travelTo((items.data[0]?.current_period_end ?? 0) + 7_200);
  }
  expect(ends).toEqual(["2027-02-28", "2027-03-31", "2027-04-30"]);
  expect((await short.invoices(subscription.id)).map((invoice) => invoice.status)).toEqual([
    "paid",
    "paid",
    "paid",
    "paid",
  ]);
  await short.close();
});

test("a first invoice that stays unpaid for 23 hours ends the subscription", async () => {
  const customer = await world.customer("pm_card_chargeCustomerFail");
  const subscription = await world.subscribe(customer.id, [world.catalog.pro]);
  expect(subscription.status).toBe("incomplete");
  await world.travel({ hours: 22, minutes: 55 });
  expect((await world.subscription(subscription.id)).status).toBe("incomplete");
  await world.travel({ minutes: 10 });
  expect((await world.subscription(subscription.id)).status).toBe("incomplete_expired");
  expect((await world.invoice(subscription.id, 0)).status).toBe("void");
});

test("default_incomplete waits for the customer, who pays with the invoice's secret", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro], {
    payment_behavior: "default_incomplete",
    payment_settings: { save_default_payment_method: "on_subscription" },
    expand: ["latest_invoice.confirmation_secret", "latest_invoice.payments"],
  });
  expect(subscription.status).toBe("incomplete");
  const invoice = subscription.latest_invoice;
  if (invoice === null || typeof invoice === "string") throw new Error("latest_invoice was expanded");
  expect(invoice.confirmation_secret?.client_secret).toMatch(/^pi_.*_secret_/);
  const intent = invoice.payments?.data[0]?.payment.payment_intent as string;
  await stripe.paymentIntents.confirm(intent, {
    payment_method: "pm_card_mastercard",
    return_url: "http://localhost/",
  });
  const paid = await world.subscription(subscription.id);
  expect(paid.status).toBe("active");
  expect(paid.default_payment_method).toMatch(/^pm_/);
});

test("error_if_incomplete leaves nothing behind, and so does a customer without a card", async () => {
  const declined = await world.customer("pm_card_chargeCustomerFail");
  const strict = world.subscribe(declined.id, [world.catalog.pro], {
    payment_behavior: "error_if_incomplete",
  });
  await expect(strict).rejects.toMatchObject({ type: "StripeCardError", code: "card_declined" });
  const cardless = await world.customer(null);
  await expect(world.subscribe(cardless.id, [world.catalog.pro])).rejects.toMatchObject({
    code: "resource_missing",
  });
  for (const customer of [declined.id, cardless.id]) {
    expect((await world.stripe.subscriptions.list({ customer, status: "all" })).data).toEqual([]);
  }
});
