import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import { recordFailure, recordSuccess } from "./collect-invoice.ts";
import { subscriptionOf } from "./invoice-draft.ts";
import { recordPayment } from "./invoice-payments.ts";

/**
 * Takes over what became of an invoice's PaymentIntent outside of a collection: the customer confirmed it, passed the
 * bank's challenge, or failed it.
 */
export function settleInvoicePayment(ctx: SimContext, intent: ObjectOf<"payment_intent">): void {
  const invoice = ctx.store.get("invoice", intent._payment.invoiceId ?? "");
  if (invoice === undefined || !["open", "uncollectible"].includes(invoice.status ?? "")) return;
  recordPayment(ctx, invoice, intent);
  if (intent.status === "succeeded") {
    saveMethod(ctx, subscriptionOf(invoice), intent.payment_method);
    recordSuccess(ctx, invoice, "manual");
  } else if (intent.last_payment_error !== null) {
    const { message = "Your card was declined.", code, decline_code } = intent.last_payment_error;
    const error = {
      type: "card_error" as const,
      message,
      ...(code && { code }),
      ...(decline_code && { decline_code }),
    };
    const paymentMethodId = intent.last_payment_error.payment_method?.id ?? null;
    recordFailure(ctx, invoice, { trigger: "manual", error, paymentMethodId });
  }
}

/** `save_default_payment_method=on_subscription`: what paid once is charged from then on. */
function saveMethod(ctx: SimContext, subscriptionId: string | null, methodId: string | null): void {
  const subscription = ctx.store.get("subscription", subscriptionId ?? "");
  if (methodId === null || subscription?.payment_settings?.save_default_payment_method !== "on_subscription")
    return;
  ctx.store.update("subscription", subscription.id, { default_payment_method: methodId });
}
