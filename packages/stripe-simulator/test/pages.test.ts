import type Stripe from "stripe";
import { expect, test, vi } from "vitest";
import { createPro, openCheckout, receiveWebhooks, refusal, setUp } from "./harness.ts";

const DAY = 86_400;

async function travel(stripe: Stripe, clockId: string, seconds: number): Promise<void> {
  const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(clockId);
  await stripe.testHelpers.testClocks.advance(clockId, { frozen_time: now + seconds });
  const status = async () => (await stripe.testHelpers.testClocks.retrieve(clockId)).status;
  await vi.waitFor(async () => expect(await status()).toBe("ready"), { timeout: 15_000, interval: 20 });
}

/** A subscription whose renewal cannot be charged with the card it has by then. */
async function unpaidRenewal(stripe: Stripe, clockId: string, card: string): Promise<Stripe.Invoice> {
  const price = await createPro(stripe);
  const customer = await stripe.customers.create({ payment_method: "pm_card_visa" });
  const [method] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: method!.id,
  });
  const bad = await stripe.paymentMethods.attach(card, { customer: customer.id });
  await stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
  await travel(stripe, clockId, 32 * DAY);
  return (await stripe.invoices.list({ subscription: subscription.id })).data[0]!;
}

const card = (number: string) => new URLSearchParams({ number, expiry: "12/40", cvc: "123" });

test("an open invoice is paid on its page, and its PDF is one", async () => {
  const { stripe, simulator } = await setUp();
  const invoice = await unpaidRenewal(stripe, simulator.testClockId, "pm_card_chargeCustomerFail");
  expect(invoice.status).toBe("open");
  expect((await stripe.subscriptions.list()).data[0]?.status).toBe("past_due");
  const url = invoice.hosted_invoice_url ?? "";
  expect(await (await fetch(url)).text()).toContain("Pay this invoice");
  const declined = await fetch(url, { method: "POST", body: card("4000000000000341") });
  expect([declined.status, (await declined.text()).includes("Your card was declined.")]).toEqual([402, true]);
  expect(
    (await fetch(url, { method: "POST", body: card("4242424242424242"), redirect: "manual" })).status,
  ).toBe(303);
  expect((await stripe.invoices.retrieve(invoice.id ?? "")).status).toBe("paid");
  expect((await stripe.subscriptions.list()).data[0]?.status).toBe("active");
  expect(await (await fetch(invoice.invoice_pdf ?? "")).text()).toMatch(/^%PDF-1\.4/);
});

test("a renewal that needs authentication is paid once the customer passed the bank's page", async () => {
  const { stripe, simulator } = await setUp();
  const invoice = await unpaidRenewal(stripe, simulator.testClockId, "pm_card_authenticationRequired");
  const types = (await stripe.events.list({ types: ["invoice.payment_action_required"] })).data;
  expect(types).toHaveLength(1);
  const { data } = await stripe.invoicePayments.list({ invoice: invoice.id ?? "" });
  const intent = await stripe.paymentIntents.retrieve(data[0]!.payment.payment_intent as string);
  expect(intent.status).toBe("requires_action");
  await fetch(intent.next_action?.redirect_to_url?.url ?? "", {
    method: "POST",
    body: new URLSearchParams({ result: "pass" }),
  });
  expect((await stripe.invoices.retrieve(invoice.id ?? "")).status).toBe("paid");
  expect((await stripe.subscriptions.list()).data[0]?.status).toBe("active");
});

test("a disputed charge is told of, and closed when it is given up", async () => {
  const { stripe } = await setUp();
  await stripe.paymentIntents.create({
    amount: 900,
    currency: "usd",
    payment_method: "pm_card_createDispute",
    confirm: true,
  });
  const [dispute] = (await stripe.disputes.list()).data;
  expect(dispute).toMatchObject({ status: "needs_response", amount: 900 });
  expect(await stripe.disputes.close(dispute!.id)).toMatchObject({ status: "lost" });
  expect(await refusal(stripe.disputes.close(dispute!.id))).toMatchObject({ statusCode: 400 });
  const types = (await stripe.events.list({ type: "charge.dispute.*" })).data.map(({ type }) => type);
  expect(types).toEqual(["charge.dispute.closed", "charge.dispute.created"]);
});

test("its own page shows objects, events and deliveries, sends again and moves the clock", async () => {
  const { stripe, simulator, sim } = await setUp();
  const hook = await receiveWebhooks();
  await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["customer.created"] });
  const customer = await stripe.customers.create({ email: "ada@example.com" });
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  const read = async (path: string) => (await fetch(`${simulator.url}${path}`)).text();
  const home = await read("/");
  expect(home).toContain("customer (1)");
  expect(home).toContain("customer.created");
  expect(await read("/_ui/customer")).toContain("ada@example.com");
  expect(await read(`/_ui/customer/${customer.id}`)).toContain(customer.id);
  const { body } = await sim("GET", "/_sim/deliveries");
  const [delivery] = (body as { data: { id: string }[] }).data;
  await fetch(`${simulator.url}/_ui/deliveries/${delivery?.id}/resend`, {
    method: "POST",
    redirect: "manual",
  });
  await vi.waitFor(() => expect(hook.received).toHaveLength(2));
  const before = (await sim("GET", "/_sim/clock")).body as { nowMs: number };
  await fetch(`${simulator.url}/_ui/clock`, {
    method: "POST",
    body: new URLSearchParams({ seconds: "3600" }),
    redirect: "manual",
  });
  await vi.waitFor(async () => {
    const { nowMs, status } = (await sim("GET", "/_sim/clock")).body as { nowMs: number; status: string };
    expect([nowMs - before.nowMs >= 3_600_000, status]).toEqual([true, "ready"]);
  });
});

test("a parameter that it would not act upon is refused by name", async () => {
  const { stripe } = await setUp();
  const base = { amount: 900, currency: "usd" };
  expect(await refusal(stripe.paymentIntents.create({ ...base, capture_method: "manual" }))).toMatchObject({
    code: "parameter_not_simulated",
    param: "capture_method",
  });
  expect(await refusal(openCheckout(stripe, { discounts: [{ coupon: "X" }] }))).toMatchObject({
    param: "discounts",
  });
});
