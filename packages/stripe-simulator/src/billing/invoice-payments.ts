import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import { newPaymentIntent } from "../payments/payment-intents.ts";
import type { Invoice } from "./invoice-draft.ts";

export type InvoicePayment = ObjectOf<"invoice_payment">;

/** The payments of an invoice, oldest first. */
export const paymentsOf = (ctx: SimContext, invoiceId: string): InvoicePayment[] =>
  ctx.store.list("invoice_payment").filter((payment) => payment.invoice === invoiceId);

/** The PaymentIntent through which the rest of the invoice is collected, if there is one for that amount. */
export function openIntent(ctx: SimContext, invoice: Invoice): ObjectOf<"payment_intent"> | undefined {
  const open = paymentsOf(ctx, invoice.id).find((payment) => payment.status === "open");
  const intent = ctx.store.get("payment_intent", open?.payment.payment_intent ?? "");
  return intent?.amount === invoice.amount_remaining && intent.status !== "canceled" ? intent : undefined;
}

/** A PaymentIntent that waits for the customer, as `payment_behavior=default_incomplete` leaves it. */
export function awaitPayment(ctx: SimContext, invoice: Invoice): void {
  const intent = newPaymentIntent(ctx, {
    amount: invoice.amount_remaining,
    currency: invoice.currency,
    customer: invoice.customer,
    description: chargeDescription(invoice),
    setup_future_usage: "off_session",
    _payment: {
      invoiceId: invoice.id,
      isOffSession: false,
      challengedPaymentMethodId: null,
      returnUrl: null,
    },
  });
  recordPayment(ctx, invoice, intent);
}

/** Keeps the invoice's payment in step with its PaymentIntent. */
export function recordPayment(ctx: SimContext, invoice: Invoice, intent: ObjectOf<"payment_intent">): void {
  const known = paymentsOf(ctx, invoice.id).find((payment) => payment.payment.payment_intent === intent.id);
  const isPaid = intent.status === "succeeded";
  const payment: InvoicePayment = {
    id: known?.id ?? ctx.newId("inpay"),
    object: "invoice_payment",
    amount_paid: isPaid ? intent.amount : null,
    amount_requested: intent.amount,
    created: known?.created ?? ctx.now(),
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { type: "payment_intent", payment_intent: intent.id },
    status: isPaid ? "paid" : "open",
    status_transitions: { canceled_at: null, paid_at: isPaid ? ctx.now() : null },
  };
  ctx.store.put("invoice_payment", payment);
  if (isPaid) ctx.emit("invoice_payment.paid", payment);
}

/** Closes what can no longer be paid: open payments and their intents. */
export function cancelPayments(ctx: SimContext, invoiceId: string): void {
  for (const payment of paymentsOf(ctx, invoiceId)) {
    if (payment.status !== "open") continue;
    const transitions = { ...payment.status_transitions, canceled_at: ctx.now() };
    ctx.store.update("invoice_payment", payment.id, { status: "canceled", status_transitions: transitions });
    const intentId = payment.payment.payment_intent;
    if (intentId === undefined) continue;
    const change = {
      status: "canceled",
      canceled_at: ctx.now(),
      cancellation_reason: "void_invoice",
      next_action: null,
    };
    ctx.emit("payment_intent.canceled", ctx.store.update("payment_intent", intentId, change));
  }
}

/** What Stripe writes on an invoice's charge. */
export const chargeDescription = (invoice: Invoice): string =>
  invoice.billing_reason === "subscription_create"
    ? "Subscription creation"
    : invoice.billing_reason === "manual"
      ? `Payment for Invoice ${invoice.number}`
      : "Subscription update";
