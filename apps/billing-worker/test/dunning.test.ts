import { dunningCases, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { createDunningStep } from "../src/dunning/dunning-step.ts";
import { dunning, lastInvoice, openFailing, patience, plan, status } from "./failing-world.ts";
import { dyingDb, openPaying } from "./time-world.ts";

const hourMs = 3_600_000;

test("taken from Stripe's own retries, tried on days 1 and 3, and recovered by the schedule", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail", {}, { hasOtherCard: true });
  expect(await status(world)).toBe("past_due");
  expect(await dunning(world)).toEqual({ state: "retrying", attempts: 0, decline_code: "generic_decline" });
  await expect.poll(async () => (await lastInvoice(world))?.auto_advance, patience).toBe(false);

  await world.travelDays(1);
  expect(await dunning(world)).toMatchObject({ state: "retrying", attempts: 1 });
  await world.travelDays(1);
  expect(await dunning(world)).toMatchObject({ attempts: 1 });

  // The subscription's own card is taken away: from now on the customer's is charged, which was there all the time.
  const subscription = await world.stripe.subscriptions.retrieve(world.subscription);
  await world.stripe.paymentMethods.detach(subscription.default_payment_method as string);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "retrying", attempts: 1 });

  await world.travelDays(1);
  expect(await dunning(world)).toMatchObject({ state: "recovered", attempts: 2 });
  expect(await lastInvoice(world)).toMatchObject({ status: "paid" });
  await world.settle();
  const invoiceId = (await lastInvoice(world))?.id;
  const told = (await world.notices()).filter(({ key }) => key.includes(invoiceId ?? "-"));
  expect(told.map(({ key }) => key)).toEqual([
    `invoice.payment_failed.${invoiceId}.stripe-1`,
    `invoice.payment_failed.${invoiceId}.1`,
    `invoice.paid.${invoiceId}`,
  ]);
});

test("a new card becomes the default where payments are taken from, and pays at once", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail");
  const intent = await world.stripe.setupIntents.create({ customer: world.customer, usage: "off_session" });
  await world.stripe.setupIntents.confirm(intent.id, { payment_method: "pm_card_mastercard" });
  await expect.poll(() => status(world), patience).toBe("active");
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "recovered", attempts: 1 });
  const subscription = await world.stripe.subscriptions.retrieve(world.subscription);
  const customer = await world.stripe.customers.retrieve(world.customer);
  const { payment_method: card } = await world.stripe.setupIntents.retrieve(intent.id);
  expect(subscription.default_payment_method).toBe(card);
  expect(customer).toMatchObject({ invoice_settings: { default_payment_method: card } });
  await world.travelDays(8);
  expect(await status(world)).toBe("active");
  expect((await world.notices()).filter(({ type }) => type === "invoice.paid")).toHaveLength(2);
});

test("a card chosen in the portal is tried at once, each card once", { timeout: 120_000 }, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail");
  await world.setCard("pm_card_chargeCustomerFail");
  await expect.poll(async () => (await dunning(world))?.attempts, patience).toBe(1);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "retrying", attempts: 1 });
  await world.setCard("pm_card_visa");
  await expect.poll(() => status(world), patience).toBe("active");
});

test("a hard decline is not tried again on the same card, and ends on its day", {
  timeout: 120_000,
}, async () => {
  const world = await openFailing("pm_card_visa_chargeCustomerFailLostCard");
  const waits = { state: "waiting_for_card", attempts: 0, decline_code: "lost_card" };
  expect(await dunning(world)).toEqual(waits);
  // Nor is a card tried that was on file all the time, however late we hear of it.
  const { data: onFile } = await world.stripe.customers.listPaymentMethods(world.customer);
  expect(onFile.length).toBeGreaterThan(1);
  await world.syncAll(...onFile.map(({ id }) => [id, "payment_method"] as const));
  await world.settle();
  expect(await dunning(world)).toEqual(waits);
  await world.travelDays(6);
  expect(await dunning(world)).toMatchObject({ state: "waiting_for_card", attempts: 0 });
  await world.travelDays(1);
  expect(await dunning(world)).toMatchObject({ state: "gave_up", attempts: 0 });
  expect(await status(world)).toBe("canceled");
});

test.each([
  ["cancel", "canceled", "open", "free"],
  ["pause", "paused", "uncollectible", "free"],
  ["downgrade-to-free", "canceled", "uncollectible", "free"],
])("after the last day: %s", { timeout: 120_000 }, async (finalStep, subscription, invoice, planId) => {
  const world = await openFailing("pm_card_chargeCustomerFail", { DUNNING_FINAL_STEP: finalStep });
  const failed = (await lastInvoice(world))?.id ?? "";
  await world.travelDays(8);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "gave_up", attempts: 4 });
  expect(await status(world)).toBe(subscription);
  expect((await world.stripe.invoices.retrieve(failed)).status).toBe(invoice);
  expect(await plan(world)).toBe(planId);
  const told = (await world.notices()).filter(({ key }) => key.includes(failed)).map(({ type }) => type);
  expect(told).toEqual([...Array(5).fill("invoice.payment_failed"), "invoice.uncollectible"]);
});

test("who cancels is not asked any more, even before we hear of it", { timeout: 120_000 }, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail");
  await world.stripe.subscriptions.cancel(world.subscription);
  await world.travelDays(8);
  expect(await dunning(world)).toMatchObject({ state: "stopped", attempts: 0 });
  expect((await world.notices()).filter(({ type }) => type === "invoice.uncollectible")).toEqual([]);
});

test("left to Stripe, it only follows", { timeout: 120_000 }, async () => {
  const world = await openFailing("pm_card_chargeCustomerFail", { DUNNING_MODE: "stripe" });
  expect((await lastInvoice(world))?.auto_advance).toBe(true);
  await world.travelDays(4);
  await world.settle();
  expect(await dunning(world)).toMatchObject({ state: "retrying", attempts: 0 });
  expect((await world.notices()).filter(({ type }) => type === "invoice.payment_failed")).toHaveLength(2);
});

test("wherever a step dies, it is the same step: one charge for each try", { timeout: 60_000 }, async () => {
  const world = await openPaying({ card: "pm_card_chargeCustomerFail" });
  await world.addFault({ kind: "no-holding" });
  const { end } = await world.period();
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelTo(new Date(end.getTime() + 2 * hourMs));
  const invoiceId = (await lastInvoice(world))?.id ?? "";
  await world.syncAll([invoiceId, "invoice"]);
  const run = (db = world.db) =>
    createDunningStep({ ...world, db, finalStep: "cancel" })(invoiceId, world.context);
  const runUntilDone = async (isDone: () => Promise<boolean>) => {
    for (let calls = 0; !(await isDone()); calls += 1) {
      await run(dyingDb(world.db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
      expect(calls).toBeLessThan(40);
    }
  };
  const caseRow = () => dunningCases.findCase(world.db, invoiceId);
  await runUntilDone(async () => (await caseRow())?.takenOverAt !== null);
  const failures = async () =>
    (await world.stripe.charges.list({ customer: world.customer })).data.filter(
      (each) => each.status === "failed",
    ).length;
  const before = await failures();
  await world.travelDays(1);
  await runUntilDone(
    async () =>
      (await caseRow())?.attempts === 1 &&
      (await caseRow())?.lastTriedAt !== (await caseRow())?.firstFailedAt,
  );
  await run();
  expect(await failures()).toBe(before + 1);
  expect(await world.rows(sql`select attempt, outcome from dunning_attempts`)).toEqual([
    { attempt: 1, outcome: "declined" },
  ]);
});

test("an invoice that its customer pays in the very moment of our try is recovered, and charged once", {
  timeout: 60_000,
}, async () => {
  const world = await openPaying({ card: "pm_card_chargeCustomerFail" });
  await world.addFault({ kind: "no-holding" });
  const { end } = await world.period();
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelTo(new Date(end.getTime() + 2 * hourMs));
  const invoiceId = (await lastInvoice(world))?.id ?? "";
  await world.syncAll([invoiceId, "invoice"]);
  const other = await world.stripe.paymentMethods.attach("pm_card_visa", { customer: world.customer });
  const { invoices } = world.stripe;
  const pay: typeof invoices.pay = async (...given) => {
    await invoices.pay(invoiceId, { payment_method: other.id });
    return invoices.pay(...given);
  };
  const stripe = Object.create(world.stripe, {
    invoices: { value: Object.create(invoices, { pay: { value: pay } }) },
  }) as typeof world.stripe;
  const step = createDunningStep({ ...world, stripe, finalStep: "cancel" });
  await step(invoiceId, world.context);
  await world.travelDays(1);
  await step(invoiceId, world.context);
  expect(await dunningCases.findCase(world.db, invoiceId)).toMatchObject({ state: "recovered", attempts: 1 });
  const { data } = await world.stripe.charges.list({ customer: world.customer });
  expect(data.filter((each) => each.status === "succeeded")).toHaveLength(2);
  await world.syncAll([invoiceId, "invoice"]);
  expect((await world.notices()).filter(({ key }) => key === `invoice.paid.${invoiceId}`)).toHaveLength(1);
});
