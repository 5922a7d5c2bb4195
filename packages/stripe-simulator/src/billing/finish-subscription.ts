import type { SimContext } from "../context.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { endSubscription } from "./end-subscription.ts";
import type { Invoice } from "./invoice-draft.ts";
import { usageLines } from "./item-charges.ts";
import { periodOf, type Subscription } from "./subscription-object.ts";

/**
 * Ends a subscription at the instant that was set for it (unix seconds). Its usage up to there goes on a last draft,
 * with the same grace as a renewal's.
 */
export function finishSubscription(ctx: SimContext, subscription: Subscription, at: number): Invoice | null {
  const isBilled = subscription.status !== "trialing";
  const usage = isBilled
    ? subscription.items.data.flatMap((item) => usageLines(ctx, subscription, item, at))
    : [];
  endSubscription(ctx, subscription.id, { reason: "cancellation_requested" });
  const invoice = drawInvoice(ctx, subscription, {
    billingReason: "subscription_cycle",
    lines: usage,
    period: { start: periodOf(subscription).start, end: at },
    finalizes: "grace",
  });
  if (invoice !== null) ctx.store.update("subscription", subscription.id, { latest_invoice: invoice.id });
  return invoice;
}
