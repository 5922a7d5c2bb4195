import { isResourceMissing, type Stripe } from "@driftlock/stripe";

export interface Refunded {
  refundedAmountMinor: number;
  /** Null where nothing was paid. */
  currency: string | null;
  invoiceIds: string[];
}

/**
 * Ends a subscription now and gives back all that was paid for it; what it still owes is voided. Each step first looks
 * at what is there, so that it can be repeated from its start however late.
 */
export async function cancelAndRefund(stripe: Stripe, subscriptionId: string): Promise<Refunded> {
  await cancelNow(stripe, subscriptionId);
  const refunded: Refunded = { refundedAmountMinor: 0, currency: null, invoiceIds: [] };
  for await (const invoice of stripe.invoices.list({
    subscription: subscriptionId,
    limit: 100,
    expand: ["data.payments"],
  })) {
    refunded.invoiceIds.push(invoice.id);
    if (invoice.status === "open")
      await stripe.invoices.voidInvoice(invoice.id, {}, { idempotencyKey: `void.${invoice.id}` });
    for (const { payment, status } of invoice.payments?.data ?? []) {
      const intent = payment.payment_intent;
      if (status !== "paid" || !intent) continue;
      refunded.refundedAmountMinor += await refundInFull(
        stripe,
        typeof intent === "string" ? intent : intent.id,
      );
      refunded.currency = invoice.currency;
    }
  }
  return refunded;
}

async function cancelNow(stripe: Stripe, subscriptionId: string): Promise<void> {
  try {
    const { status } = await stripe.subscriptions.retrieve(subscriptionId);
    if (status === "canceled" || status === "incomplete_expired") return;
    await stripe.subscriptions.cancel(subscriptionId, { invoice_now: false, prorate: false });
  } catch (error) {
    // Cancelled by somebody else in the meantime.
    if (!isResourceMissing(error)) throw error;
  }
}

/** @returns what has been refunded in all, by this call and before. */
async function refundInFull(stripe: Stripe, paymentIntentId: string): Promise<number> {
  const before = await sumRefunds(stripe, paymentIntentId);
  const intent = await stripe.paymentIntents.retrieve(paymentIntentId);
  if (before >= intent.amount_received) return before;
  await stripe.refunds.create(
    { payment_intent: paymentIntentId, reason: "duplicate", amount: intent.amount_received - before },
    { idempotencyKey: `double-checkout.${paymentIntentId}.${before}` },
  );
  return intent.amount_received;
}

async function sumRefunds(stripe: Stripe, paymentIntentId: string): Promise<number> {
  let sum = 0;
  for await (const refund of stripe.refunds.list({ payment_intent: paymentIntentId, limit: 100 })) {
    if (refund.status === "succeeded" || refund.status === "pending") sum += refund.amount;
  }
  return sum;
}
