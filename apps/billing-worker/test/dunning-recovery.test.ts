import { owedInvoices, sql } from "@driftlock/db";
import { paymentStates } from "@driftlock/domain";
import { expect, test } from "vitest";
import { dunning, lastInvoice, openFailing, patience, plan, status, toldOf } from "./failing-world.ts";
import type { PayingWorld } from "./time-world.ts";

const send = async (method: string, url: string, body: object) => {
  const response = await fetch(url, { method, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
};

/** How the challenge of the bank ends. */
const challenge = async (world: PayingWorld, invoiceId: string, result: "pass" | "fail") => {
  const { payments } = await world.stripe.invoices.retrieve(invoiceId, { expand: ["payments"] });
  const intent = payments?.data.at(-1)?.payment.payment_intent as string;
  await fetch(`${world.simulator.url}/_sim/3ds/${intent}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: `result=${result}`,
  });
};

const defaultCard = async (world: PayingWorld) =>
  (await world.stripe.subscriptions.retrieve(world.subscription)).default_payment_method as string;

const renewCard = async (world: PayingWorld, id: string, renewed: { exp_year: number; card?: string }) =>
  send("POST", `${world.simulator.url}/_sim/payment_methods/${id}/renew`, { exp_month: 6, ...renewed });

/** The payment states of the account, from the mirror. */
const states = async (world: PayingWorld) =>
  paymentStates({
    invoices: await owedInvoices.listOwedInvoices(world.db, "acme"),
    subscriptions: await world.rows(sql`select status from user_subscriptions`),
    isDisputed: false,
  });

test("a bank that asks for a confirmation: told with the way to it, kept when it fails, recovered when it is given", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_authenticationRequired");
  const { invoiceId } = world;
  const waits = { state: "action_required", attempts: 0, decline_code: "authentication_required" };
  expect(await dunning(world)).toEqual(waits);
  expect(await states(world)).toEqual(["action_required", "past_due"]);
  const [told] = await world.rows<{ data: { hostedUrl: string } }>(
    sql`select data from notices where type = 'invoice.payment_action_required'`,
  );
  expect(told?.data.hostedUrl).toContain(invoiceId);

  await challenge(world, invoiceId, "fail");
  await world.settle();
  expect(await dunning(world)).toEqual(waits);
  expect(await states(world)).toEqual(["action_required", "past_due"]);

  // The customer opens the invoice again, and confirms this time.
  await expect(world.stripe.invoices.pay(invoiceId)).rejects.toMatchObject({ statusCode: 402 });
  await challenge(world, invoiceId, "pass");
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "recovered", attempts: 0 });
  await world.settle();
  expect(await states(world)).toEqual(["ok"]);
  expect(await toldOf(world, invoiceId)).toEqual(["invoice.payment_action_required", "invoice.paid"]);
});

test("a confirmation that is never given ends as any other debt, without a try of ours", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_authenticationRequired");
  await world.travelDays(8);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "gave_up", attempts: 0 });
  expect(await states(world)).toEqual(["unpaid"]);
});

test("a card that the network renewed under its id is tried at once, even where only a new card could help", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_visa_chargeCustomerFailLostCard");
  const card = await defaultCard(world);
  await renewCard(world, card, { exp_year: 2051, card: "pm_card_chargeCustomerFail" });
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "retrying", attempts: 1 });
  await world.settle();
  await renewCard(world, card, { exp_year: 2054 });
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "recovered", attempts: 2 });
  expect(await defaultCard(world)).toBe(card);
});

test("a card that is made the customer's default in the portal is tried at once and charged from then on", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail");
  const fresh = await world.stripe.paymentMethods.attach("pm_card_mastercard", { customer: world.customer });
  await world.stripe.customers.update(world.customer, {
    invoice_settings: { default_payment_method: fresh.id },
  });
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "recovered", attempts: 1 });
  await expect.poll(() => defaultCard(world), patience).toBe(fresh.id);
});

test("left to Stripe: a new card is tried at once, and Stripe's own end is the end", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail", { DUNNING_MODE: "stripe" });
  const { invoiceId } = world;
  await world.setCard("pm_card_visa_chargeCustomerFailLostCard");
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "waiting_for_card", attempts: 1 });
  await world.settle();
  expect((await lastInvoice(world))?.auto_advance).toBe(true);
  await world.travelDays(8);
  await world.settle();
  expect(await status(world)).toBe("canceled");
  expect(await dunning(world)).toMatchObject({ state: "gave_up", attempts: 1 });
  const told = await toldOf(world, invoiceId);
  expect(told.at(-1)).toBe("invoice.uncollectible");
  expect(told.filter((type) => type === "invoice.uncollectible")).toHaveLength(1);
  expect(await states(world)).toEqual(["unpaid"]);
});

test("a retry of Stripe's that was on its way when we took over takes the place of ours, and may recover it", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail", {}, { hasOtherCard: true });
  const { invoiceId } = world;
  await expect.poll(async () => (await lastInvoice(world))?.auto_advance, patience).toBe(false);
  await send("PUT", `${world.simulator.url}/_sim/billing`, { retryAfterTakeOver: "once" });
  // As if our take-over had left Stripe's schedule alone: given back, and taken again.
  await world.stripe.invoices.update(invoiceId, { auto_advance: true });
  const taken = await world.stripe.invoices.update(invoiceId, { auto_advance: false });
  expect(taken).toMatchObject({ auto_advance: false, next_payment_attempt: expect.any(Number) });
  await world.travelDays(4);
  await world.settle();
  expect((await lastInvoice(world))?.attempt_count).toBe(2);
  // Days 1 and 3 were ours or Stripe's, each told once, in their order.
  const told = (await world.notices()).map(({ key }) => key.split(`${invoiceId}.`)[1]).filter(Boolean);
  expect(told).toContain("stripe-2");
  expect(new Set(told).size).toBe(told.length);

  await world.stripe.invoices.update(invoiceId, { auto_advance: true });
  await world.stripe.invoices.update(invoiceId, { auto_advance: false });
  await world.stripe.paymentMethods.detach(await defaultCard(world));
  await world.travelDays(3);
  await expect.poll(() => dunning(world), patience).toMatchObject({ state: "recovered" });
  expect((await toldOf(world, invoiceId)).at(-1)).toBe("invoice.paid");
});

test("a case ends in the mode that it began in, and what was given up does not follow who buys again", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail");
  const { invoiceId } = world;
  await world.settle();
  await world.worker.close();
  await world.startWorker({ DUNNING_MODE: "stripe" });
  await world.travelDays(8);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "gave_up", attempts: 4 });
  expect(await plan(world)).toBe("free");
  expect(await states(world)).toEqual(["unpaid"]);
  const told = await toldOf(world, invoiceId);

  const again = await world.subscribe("acme", world.customer, "pro");
  await expect.poll(() => plan(world), patience).toBe("pro");
  await world.settle();
  expect(await states(world)).toEqual(["ok"]);
  await world.travelDays(9);
  await world.settle();
  expect(await world.stripe.invoices.retrieve(invoiceId)).toMatchObject({ status: "open" });
  expect(await toldOf(world, invoiceId)).toEqual(told);
  expect((await world.stripe.subscriptions.retrieve(again)).status).toBe("active");
  expect(await world.rows(sql`select state, attempts from dunning_cases`)).toEqual([
    { state: "gave_up", attempts: 4 },
  ]);
});

test("a subscription that was paused goes on once its invoice is paid, here by a new card", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail", { DUNNING_FINAL_STEP: "pause" });
  const { invoiceId } = world;
  await world.travelDays(8);
  await world.settle();
  expect(await status(world)).toBe("paused");
  expect(await states(world)).toEqual(["unpaid"]);
  expect(await plan(world)).toBe("free");

  const intent = await world.stripe.setupIntents.create({ customer: world.customer, usage: "off_session" });
  await world.stripe.setupIntents.confirm(intent.id, { payment_method: "pm_card_visa" });
  await expect.poll(() => status(world), patience).toBe("active");
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "recovered", attempts: 5 });
  expect(await plan(world)).toBe("pro");
  expect(await states(world)).toEqual(["ok"]);
  expect((await world.stripe.invoices.retrieve(invoiceId)).status).toBe("paid");
  expect(await world.invoices()).toHaveLength(2);
  expect((await toldOf(world, invoiceId)).slice(-2)).toEqual(["invoice.uncollectible", "invoice.paid"]);
});
