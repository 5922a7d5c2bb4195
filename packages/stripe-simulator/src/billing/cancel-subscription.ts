import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { resourceMissing } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { endSubscription } from "./end-subscription.ts";
import { pendingItems } from "./invoice-draft.ts";
import { usageLines } from "./item-charges.ts";
import { creditItem } from "./item-prorations.ts";
import { periodOf, type Subscription } from "./subscription-object.ts";
import { collectNow } from "./update-subscription.ts";

export type CancelParams = Stored<Stripe.SubscriptionCancelParams>;

/**
 * Ends a subscription at once. `prorate` credits the rest of the period; `invoice_now` bills usage up to now and what
 * is pending on a final invoice, collected in the same step.
 */
export function cancelSubscription(ctx: SimContext, id: string, params: CancelParams): Subscription {
  const subscription = ctx.store.getOrThrow("subscription", id);
  if (["canceled", "incomplete_expired"].includes(subscription.status))
    throw resourceMissing("subscription", id);
  const { start } = periodOf(subscription);
  const now = ctx.now();
  const isBilled = params.invoice_now === true && subscription.status !== "trialing";
  const usage = isBilled
    ? subscription.items.data.flatMap((item) => usageLines(ctx, subscription, item, now))
    : [];
  if (params.prorate === true)
    for (const item of subscription.items.data) creditItem(ctx, subscription, item, now);
  if (params.prorate !== true && params.invoice_now !== true) dropProrations(ctx, subscription);
  const { comment, feedback } = params.cancellation_details ?? {};
  endSubscription(ctx, id, {
    reason: "cancellation_requested",
    comment: comment === "" ? null : (comment ?? null),
    feedback: feedback === "" ? null : (feedback ?? null),
  });
  if (params.invoice_now === true) {
    const input = {
      billingReason: "subscription_update",
      lines: usage,
      period: { start, end: now },
      finalizes: "at-once",
    } as const;
    const final = drawInvoice(ctx, subscription, input);
    if (final !== null) {
      ctx.store.update("subscription", id, { latest_invoice: final.id });
      collectNow(ctx, final);
    }
  }
  return ctx.store.getOrThrow("subscription", id);
}

/** Cancelled without a final invoice or proration, a subscription leaves no pending prorations behind. */
function dropProrations(ctx: SimContext, subscription: Subscription): void {
  for (const item of pendingItems(ctx, subscription.customer, subscription.id)) {
    if (item.proration) ctx.store.delete("invoiceitem", item.id);
  }
}
