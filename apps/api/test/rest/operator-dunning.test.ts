import { dunningCases, moneyBack, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway({ ACCESS_POLICY: '{"disputed":"none"}' });
const { db, stripe } = gateway;
const failedAt = new Date("2026-01-02T00:00:00Z");

const operate = (method: string, path: string) =>
  gateway.request(method, `/operator${path}`, { bearer: gateway.operatorKey });

/** An open invoice at Stripe whose payment failed, as the worker mirrors it. */
async function openCase(declineCode: string, over: { isActionRequired?: boolean } = {}) {
  const accountId = await gateway.openAccount();
  const subscriptionId = await gateway.subscribe(accountId, "pro");
  const { customer } = await stripe.subscriptions.retrieve(subscriptionId);
  const card = await stripe.paymentMethods.attach("pm_card_authenticationRequired", {
    customer: customer as string,
  });
  await stripe.invoiceItems.create({ customer: customer as string, amount: 2900, currency: "usd" });
  const draft = await stripe.invoices.create({
    customer: customer as string,
    default_payment_method: card.id,
    pending_invoice_items_behavior: "include",
    auto_advance: true,
  });
  const invoice = await stripe.invoices.finalizeInvoice(draft.id);
  await stripe.invoices.pay(invoice.id).catch(() => {});
  const invoiceId = invoice.id;
  await db.run(
    "test.invoice",
    sql`insert into invoices (invoice_id, account_id, stripe_subscription_id, status, total_minor, amount_due_minor, amount_paid_minor,
      amount_remaining_minor, currency, period_start, period_end, hosted_url, lines, created_at, auto_advance, attempt_count,
      is_action_required, decline_code, fetch_sequence)
    values (${invoiceId}::text, ${accountId}::text, ${subscriptionId}::text, 'open', 2900, 2900, 0, 2900, 'usd', ${failedAt}::timestamptz,
      ${failedAt}::timestamptz, ${invoice.hosted_invoice_url}::text, '[]', ${failedAt}::timestamptz, false, 1,
      ${over.isActionRequired ?? false}::boolean, ${declineCode}::text, 1)`,
  );
  await dunningCases.insertCase(db, {
    invoiceId,
    accountId,
    stripeSubscriptionId: subscriptionId,
    state: "retrying",
    mode: "worker",
    declineCode,
    failedPaymentMethodId: card.id,
    firstFailedAt: failedAt,
    nextStepAt: new Date("2026-01-03T00:00:00Z"),
    finalizedAt: null,
    stripeAttemptCount: 1,
  });
  return { accountId, subscriptionId, invoiceId };
}

test("a case is shown with its next step, tried at once and stopped on request, and each request is in the audit log", async () => {
  const { accountId, subscriptionId, invoiceId } = await openCase("insufficient_funds");
  const shown = {
    invoiceId,
    accountId,
    subscriptionId,
    state: "retrying",
    mode: "worker",
    attempts: 0,
    stripeAttempts: 1,
    declineCode: "insufficient_funds",
    amountRemainingMinor: 2900,
    nextStep: "retry",
    nextStepAt: "2026-01-03T00:00:00.000Z",
    settledAt: null,
  };
  expect((await operate("GET", "/dunning?state=open")).body.data).toMatchObject([shown]);
  expect((await operate("GET", `/dunning/${invoiceId}`)).body).toMatchObject({ ...shown, tries: [] });

  const retried = await operate("POST", `/dunning/${invoiceId}/retry`);
  expect(retried).toMatchObject({ status: 202, body: { nextStep: "retry", attempts: 0 } });
  const requested = await dunningCases.findCase(db, invoiceId);
  expect(requested?.retryRequestedAt).not.toBeNull();
  expect(requested?.nextStepAt).toEqual(requested?.retryRequestedAt);

  expect(await operate("POST", `/dunning/${invoiceId}/stop`)).toMatchObject({
    status: 200,
    body: { state: "stopped", nextStep: null, nextStepAt: null, settledAt: expect.any(String) },
  });
  expect((await stripe.invoices.retrieve(invoiceId)).auto_advance).toBe(false);
  for (const what of ["retry", "stop"])
    expect(await operate("POST", `/dunning/${invoiceId}/${what}`)).toMatchObject({
      status: 409,
      body: { code: "DUNNING_CASE_SETTLED" },
    });
  expect((await operate("GET", "/dunning?state=open")).body.data).toEqual([]);
  expect((await operate("GET", "/dunning")).body.data).toHaveLength(1);

  const log = await operate("GET", `/audit?target=${invoiceId}&limit=1`);
  expect(log.body.data).toMatchObject([{ action: "dunning.stopped", actor: expect.stringMatching(/^key_/) }]);
  const rest = await operate("GET", `/audit?target=${invoiceId}&cursor=${log.body.nextCursor}`);
  expect(rest.body).toMatchObject({ data: [{ action: "dunning.retried" }], nextCursor: null });
  expect((await operate("GET", "/audit?action=dunning.stopped")).body.data).toHaveLength(1);
});

test("what is not there is 404, a foreign cursor 422", async () => {
  for (const [method, path] of [
    ["GET", ""],
    ["POST", "/retry"],
    ["POST", "/stop"],
  ] as const)
    expect(await operate(method, `/dunning/in_none${path}`)).toMatchObject({
      status: 404,
      body: { code: "DUNNING_CASE_NOT_FOUND" },
    });
  const foreign = Buffer.from(JSON.stringify([0, "acct_1"])).toString("base64url");
  expect(await operate("GET", `/audit?cursor=${foreign}`)).toMatchObject({
    status: 422,
    body: { code: "INVALID" },
  });
});

test("a customer is told what is to be paid and where, and gets what a confirmation needs", async () => {
  const { accountId, invoiceId } = await openCase("authentication_required", { isActionRequired: true });
  const ask = (method: string, path: string) =>
    gateway.request(method, `/billing${path}?accountId=${accountId}`, { bearer: gateway.serviceKey });
  expect((await ask("GET", "/subscription")).body).toMatchObject({
    paymentState: "action_required",
    dueInvoice: {
      id: invoiceId,
      amountRemainingMinor: 2900,
      currency: "usd",
      hostedUrl: expect.stringContaining("http"),
      needsConfirmation: true,
      nextAttemptAt: null,
    },
  });
  expect((await ask("POST", `/invoices/${invoiceId}/confirmation`)).body).toMatchObject({
    clientSecret: expect.stringMatching(/^pi_.*_secret_/),
    hostedUrl: expect.stringContaining("http"),
  });
  await stripe.invoices.voidInvoice(invoiceId);
  expect(await ask("POST", `/invoices/${invoiceId}/confirmation`)).toMatchObject({
    status: 409,
    body: { code: "INVOICE_SETTLED" },
  });
});

test("refunds are on the invoice, disputes in their list; one about a subscription that lives limits access", async () => {
  const { accountId, invoiceId } = await openCase("insufficient_funds");
  const row = { accountId, invoiceId, amountMinor: 2900, currency: "usd" };
  await moneyBack.upsertRefundedCharge(db, {
    ...row,
    chargeId: "ch_1",
    refundedMinor: 1000,
    fetchSequence: 2,
  });
  // An older fetch that arrives late changes nothing.
  await moneyBack.upsertRefundedCharge(db, {
    ...row,
    chargeId: "ch_1",
    refundedMinor: 500,
    fetchSequence: 1,
  });
  await moneyBack.upsertDispute(db, {
    ...row,
    disputeId: "du_1",
    chargeId: "ch_1",
    status: "needs_response",
    reason: "fraudulent",
    evidenceDueAt: failedAt,
    openedAt: failedAt,
    fetchSequence: 3,
  });
  const invoice = await gateway.request("GET", `/billing/invoices/${invoiceId}?accountId=${accountId}`, {
    bearer: gateway.serviceKey,
  });
  expect(invoice.body).toMatchObject({ refundedMinor: 1000 });
  expect((await operate("GET", "/disputes")).body.data).toEqual([
    {
      id: "du_1",
      accountId,
      chargeId: "ch_1",
      invoiceId,
      status: "needs_response",
      reason: "fraudulent",
      amountMinor: 2900,
      currency: "usd",
      openedAt: "2026-01-02T00:00:00.000Z",
      evidenceDueAt: "2026-01-02T00:00:00.000Z",
    },
  ]);
  const ask = (method: string, path: string, body?: object) =>
    gateway.request(method, `/billing${path}`, { bearer: gateway.serviceKey, body });
  // Past due alone allows all, disputed nothing: neither hides the other.
  const state = await ask("GET", `/subscription?accountId=${accountId}`);
  expect(state.body).toMatchObject({ planId: "pro", paymentState: "past_due", access: "none" });
  expect((await ask("GET", `/entitlements?accountId=${accountId}`)).body).toMatchObject({ access: "none" });
  // It is the product's to act on: no usage is lost over it.
  expect((await ask("POST", "/usage", { id: "e1", metric: "events", accountId })).status).toBe(202);
  const check = await ask("POST", "/quota/check", { accountId, items: [{ metric: "events", quantity: 1 }] });
  expect(check.body).toMatchObject({ allowed: true });
});
