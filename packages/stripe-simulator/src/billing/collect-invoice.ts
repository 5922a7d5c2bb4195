import type { SimContext } from "../context.ts";
import { invalidRequest, type StripeErrorBody } from "../errors.ts";
import { chargeOffSession } from "../payments/charge.ts";
import { type Invoice, subscriptionOf } from "./invoice-draft.ts";
import { chargeDescription, openIntent, recordPayment } from "./invoice-payments.ts";
import { recordChange } from "./record-change.ts";
import { HARD_DECLINES, nextRetryAt } from "./retry-schedule.ts";
import { settleInvoice } from "./settle-invoice.ts";
import { standingAfterFailure } from "./subscription-standing.ts";

/** `automatic` is Stripe's own schedule, `manual` a call of ours: it counts only when it is the first try. */
export type Trigger = "automatic" | "manual";

export type Collection =
  | { outcome: "paid"; invoice: Invoice }
  | { outcome: "failed" | "requires_action"; invoice: Invoice; error: StripeErrorBody };

/** Tries to collect what remains of an open invoice from `paymentMethodId`, by default from the one Stripe would take. */
export function collectInvoice(
  ctx: SimContext,
  invoice: Invoice,
  { trigger, paymentMethodId }: { trigger: Trigger; paymentMethodId?: string | undefined },
): Collection {
  const method = paymentMethodId ?? chargeableMethod(ctx, invoice);
  if (method === null) {
    if (trigger === "manual") throw noPaymentMethod();
    return recordFailure(ctx, invoice, { trigger, error: noPaymentMethod().body, paymentMethodId: null });
  }
  if (
    trigger === "automatic" &&
    invoice._lastDecline?.isHard &&
    invoice._lastDecline.paymentMethodId === method
  ) {
    return skipRetry(ctx, invoice, method);
  }
  const intent = openIntent(ctx, invoice);
  const result = chargeOffSession(ctx, {
    customer: invoice.customer ?? "",
    paymentMethodId: method,
    amountMinor: invoice.amount_remaining,
    currency: invoice.currency,
    invoiceId: invoice.id,
    description: chargeDescription(invoice),
    ...(intent === undefined ? {} : { paymentIntentId: intent.id }),
  });
  recordPayment(ctx, invoice, result.paymentIntent);
  if (result.outcome === "succeeded")
    return { outcome: "paid", invoice: recordSuccess(ctx, invoice, trigger) };
  if (result.outcome === "requires_action") ctx.emit("invoice.payment_action_required", invoice);
  const failure = recordFailure(ctx, invoice, { trigger, error: result.error, paymentMethodId: method });
  return { ...failure, outcome: result.outcome };
}

/** The payment method that Stripe would charge for an invoice. */
export const chargeableMethod = (ctx: SimContext, invoice: Invoice): string | null =>
  methodOf(ctx, {
    customerId: invoice.customer ?? "",
    subscriptionId: subscriptionOf(invoice),
    invoiceMethodId: invoice.default_payment_method,
  });

interface Payer {
  customerId: string;
  subscriptionId: string | null;
  invoiceMethodId: string | null;
}

/** Stripe's order: the invoice's own method, the subscription's, the customer's. Detached ones are passed over. */
export function methodOf(
  ctx: SimContext,
  { customerId, subscriptionId, invoiceMethodId }: Payer,
): string | null {
  const candidates = [
    invoiceMethodId,
    ctx.store.get("subscription", subscriptionId ?? "")?.default_payment_method,
    ctx.store.get("customer", customerId)?.invoice_settings.default_payment_method,
  ];
  const isUsable = (id: string | null | undefined): id is string =>
    ctx.store.get("payment_method", id ?? "")?.customer === customerId;
  return candidates.find(isUsable) ?? null;
}

/** What Stripe answers where there is nothing to charge. */
export const noPaymentMethod = () =>
  invalidRequest(
    "This customer has no attached payment source or default payment method. Please consider adding a default payment method.",
    { code: "resource_missing" },
  );

/** The invoice is paid in full through Stripe. */
export function recordSuccess(ctx: SimContext, invoice: Invoice, trigger: Trigger): Invoice {
  ctx.store.update("invoice", invoice.id, {
    attempt_count: countAfter(invoice, trigger),
    _lastDecline: null,
  });
  return settleInvoice(ctx, invoice.id, { paidMinor: invoice.amount_remaining });
}

export interface Failure {
  trigger: Trigger;
  error: StripeErrorBody;
  paymentMethodId: string | null;
}

/** A try failed: counted, rescheduled where Stripe retries by itself, and felt by the subscription. */
export function recordFailure(
  ctx: SimContext,
  invoice: Invoice,
  failure: Failure,
): Collection & { outcome: "failed" } {
  const code = failure.error.decline_code ?? failure.error.code ?? "";
  const isHard = failure.paymentMethodId === null || HARD_DECLINES.has(code);
  const failed = reschedule(ctx, invoice, failure.trigger, {
    paymentMethodId: failure.paymentMethodId,
    isHard,
  });
  ctx.emit("invoice.payment_failed", failed);
  endOfTry(ctx, failed, failure.trigger);
  return { outcome: "failed", invoice: ctx.store.getOrThrow("invoice", invoice.id), error: failure.error };
}

/** A retry that is due but not executed, because its card was declined for good: only the count goes on. */
function skipRetry(ctx: SimContext, invoice: Invoice, paymentMethodId: string): Collection {
  const skipped = reschedule(ctx, invoice, "automatic", { paymentMethodId, isHard: true });
  endOfTry(ctx, skipped, "automatic");
  return {
    outcome: "failed",
    invoice: skipped,
    error: { type: "card_error", message: "The retry was not executed." },
  };
}

function reschedule(
  ctx: SimContext,
  invoice: Invoice,
  trigger: Trigger,
  decline: Invoice["_lastDecline"],
): Invoice {
  const attemptCount = countAfter(invoice, trigger);
  const isScheduled = invoice.auto_advance === true && attemptCount !== invoice.attempt_count;
  // Taken over, its last retry was this one.
  const unscheduled = trigger === "automatic" ? null : invoice.next_payment_attempt;
  const change = {
    attempted: true,
    attempt_count: attemptCount,
    next_payment_attempt: isScheduled ? nextRetryAt(attemptCount, ctx.now()) : unscheduled,
    _lastDecline: decline,
  };
  return recordChange(ctx, "invoice", invoice.id, change);
}

function endOfTry(ctx: SimContext, invoice: Invoice, trigger: Trigger): void {
  const isLast =
    trigger === "automatic" && invoice.auto_advance === true && invoice.next_payment_attempt === null;
  standingAfterFailure(ctx, invoice, isLast);
}

const countAfter = (invoice: Invoice, trigger: Trigger): number =>
  trigger === "automatic" || invoice.attempt_count === 0 ? invoice.attempt_count + 1 : invoice.attempt_count;
