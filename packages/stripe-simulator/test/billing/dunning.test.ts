import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorld, send, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-05-01T00:00:00Z");
});
afterAll(() => world.close());

/** A subscription whose first month was paid and whose renewal was declined an hour after the month's end. */
async function declinedRenewal(card = "pm_card_chargeCustomerFail") {
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro]);
  await world.attach(customer.id, card);
  await world.travelTo((subscription.items.data[0]?.current_period_end ?? 0) + 3_700);
  return { customer, subscription };
}

test("a declined renewal is past due, and a new card puts it right", async () => {
  const { customer, subscription } = await declinedRenewal();
  const failed = await world.invoice(subscription.id, 1);
  expect(failed).toMatchObject({
    status: "open",
    attempted: true,
    attempt_count: 1,
    amount_remaining: 2_900,
  });
  expect((failed.next_payment_attempt ?? 0) - (failed.status_transitions.finalized_at ?? 0)).toBe(3 * 86_400);
  expect((await world.subscription(subscription.id)).status).toBe("past_due");

  await expect(world.stripe.invoices.pay(failed.id)).rejects.toMatchObject({
    statusCode: 402,
    decline_code: "generic_decline",
  });
  expect((await world.invoice(subscription.id, 1)).attempt_count).toBe(1);

  const method = await world.attach(customer.id, "pm_card_visa");
  const paid = await world.stripe.invoices.pay(failed.id, { payment_method: method, off_session: true });
  expect(paid).toMatchObject({ status: "paid", amount_paid: 2_900, next_payment_attempt: null });
  expect((await world.subscription(subscription.id)).status).toBe("active");
  const payments = await world.stripe.invoicePayments.list({ invoice: failed.id });
  expect(payments.data.map((payment) => payment.status)).toEqual(["paid"]);
  await expect(world.stripe.invoices.pay(failed.id)).rejects.toThrow("Invoice is already paid");
});

test("an open invoice whose customer is deleted is not tried again, and its next try is said to be off", async () => {
  const { customer, subscription } = await declinedRenewal();
  const failed = await world.invoice(subscription.id, 1);
  await world.stripe.customers.del(customer.id);
  await world.travelTo((failed.next_payment_attempt ?? 0) + 60);
  const told = await world.stripe.events.list({ type: "invoice.updated", limit: 1 });
  expect(told.data[0]?.data).toMatchObject({
    object: {
      id: failed.id,
      status: "open",
      auto_advance: false,
      next_payment_attempt: null,
      attempt_count: 1,
    },
    previous_attributes: { auto_advance: true, next_payment_attempt: failed.next_payment_attempt },
  });
});

test("Stripe's own retries run on days 3, 5 and 7, and the last one cancels", async () => {
  const { subscription } = await declinedRenewal();
  const failedAt = (await world.invoice(subscription.id, 1)).status_transitions.finalized_at ?? 0;
  const counts: number[] = [];
  for (const day of [3, 5]) {
    await world.travelTo(failedAt + day * 86_400 + 60);
    counts.push((await world.invoice(subscription.id, 1)).attempt_count);
  }
  expect(counts).toEqual([2, 3]);
  expect((await world.subscription(subscription.id)).status).toBe("past_due");
  await world.travelTo(failedAt + 7 * 86_400 + 60);
  expect(await world.subscription(subscription.id)).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "payment_failed" },
  });
  const invoice = await world.invoice(subscription.id, 1);
  expect(invoice).toMatchObject({
    status: "open",
    attempt_count: 4,
    auto_advance: false,
    next_payment_attempt: null,
  });
  expect(await world.events(failedAt + 7 * 86_400, subscription.id)).toEqual([
    "invoice.updated",
    "invoice.payment_failed",
    "invoice.updated",
    "customer.subscription.deleted",
  ]);
});

test("after the last retry a subscription can be left unpaid: invoices stay drafts until the card is replaced", async () => {
  const settings = (afterLastRetry: string) =>
    send("PUT", `${world.simulator.url}/_sim/billing`, { afterLastRetry });
  await settings("unpaid");
  const { customer, subscription } = await declinedRenewal();
  await world.travel({ days: 8 });
  expect((await world.subscription(subscription.id)).status).toBe("unpaid");
  await world.travel({ days: 31 });
  expect(await world.invoice(subscription.id, 2)).toMatchObject({ status: "draft", auto_advance: false });
  await world.attach(customer.id, "pm_card_visa");
  await world.stripe.invoices.pay((await world.invoice(subscription.id, 2)).id);
  expect((await world.subscription(subscription.id)).status).toBe("active");
  await settings("canceled");
});

test("a retry succeeds once the card does", async () => {
  const { customer, subscription } = await declinedRenewal();
  await world.attach(customer.id, "pm_card_visa");
  await world.travel({ days: 3 });
  expect(await world.invoice(subscription.id, 1)).toMatchObject({ status: "paid", attempt_count: 2 });
  expect((await world.subscription(subscription.id)).status).toBe("active");
});

test("auto_advance=false takes the invoice from Stripe, and giving it back schedules the next retry", async () => {
  const { subscription } = await declinedRenewal();
  const failed = await world.invoice(subscription.id, 1);
  const taken = await world.stripe.invoices.update(failed.id, { auto_advance: false });
  expect(taken).toMatchObject({ auto_advance: false, next_payment_attempt: null });
  await world.travel({ days: 10 });
  expect(await world.invoice(subscription.id, 1)).toMatchObject({ status: "open", attempt_count: 1 });
  expect((await world.subscription(subscription.id)).status).toBe("past_due");
  const returned = await world.stripe.invoices.update(failed.id, { auto_advance: true });
  expect(returned.next_payment_attempt).toBeGreaterThan(await world.now());
});

test("a hard decline is not charged again on the same card, though the count goes on", async () => {
  const { customer, subscription } = await declinedRenewal("pm_card_visa_chargeCustomerFailLostCard");
  await world.travel({ days: 3 });
  expect((await world.invoice(subscription.id, 1)).attempt_count).toBe(2);
  const charges = await world.stripe.charges.list({ customer: customer.id, limit: 10 });
  expect(charges.data.filter((charge) => charge.status === "failed")).toHaveLength(1);
});

test("a card that wants to see the customer asks for it, and what is written off leaves the subscription in order", async () => {
  const { subscription } = await declinedRenewal("pm_card_authenticationRequired");
  const failed = await world.invoice(subscription.id, 1);
  expect(failed).toMatchObject({ status: "open", attempt_count: 1 });
  const at = failed.status_transitions.finalized_at ?? 0;
  expect(await world.events(at, failed.id)).toContain("invoice.payment_action_required");
  const settled = await world.stripe.invoices.markUncollectible(failed.id);
  expect(settled).toMatchObject({ status: "uncollectible", auto_advance: false });
  expect((await world.subscription(subscription.id)).status).toBe("active");
});

test("an invoice paid out of band was not paid through Stripe", async () => {
  const { subscription } = await declinedRenewal();
  const failed = await world.invoice(subscription.id, 1);
  const since = await world.now();
  const paid = await world.stripe.invoices.pay(failed.id, { paid_out_of_band: true });
  expect(paid).toMatchObject({ status: "paid", amount_paid_off_stripe: 2_900 });
  const told = await world.events(since, failed.id);
  expect(told).toContain("invoice.paid");
  expect(told).not.toContain("invoice.payment_succeeded");
});
