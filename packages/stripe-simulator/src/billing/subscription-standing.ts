import type { SimContext } from "../context.ts";
import { billingSettings } from "./billing-settings.ts";
import { endSubscription } from "./end-subscription.ts";
import { type Invoice, subscriptionOf } from "./invoice-draft.ts";
import { recordChange } from "./record-change.ts";

/**
 * An invoice is paid, void or written off: an incomplete subscription is activated by its first payment, and one that
 * was behind is in good standing again when this was its latest finalized invoice.
 */
export function standingAfterSettled(ctx: SimContext, invoice: Invoice): void {
  const id = subscriptionOf(invoice);
  const subscription = id === null ? undefined : ctx.store.get("subscription", id);
  if (subscription === undefined) return;
  const isFirstPaid = subscription.status === "incomplete" && invoice.status === "paid";
  const isBehind = ["past_due", "unpaid"].includes(subscription.status);
  if (!isFirstPaid && !(isBehind && latestFinalized(ctx, subscription.id) === invoice.id)) return;
  recordChange(ctx, "subscription", subscription.id, { status: "active" });
}

/** A try to collect an invoice failed; `isLast` when Stripe will not try again by itself. */
export function standingAfterFailure(ctx: SimContext, invoice: Invoice, isLast: boolean): void {
  const id = subscriptionOf(invoice);
  const subscription = id === null ? undefined : ctx.store.get("subscription", id);
  if (subscription === undefined || !["active", "trialing", "past_due"].includes(subscription.status)) return;
  const end = billingSettings(ctx).afterLastRetry;
  if (isLast && end === "canceled") endSubscription(ctx, subscription.id, { reason: "payment_failed" });
  else recordChange(ctx, "subscription", subscription.id, { status: isLast ? end : "past_due" });
}

function latestFinalized(ctx: SimContext, subscriptionId: string): string | undefined {
  return ctx.store
    .list("invoice")
    .findLast((invoice) => subscriptionOf(invoice) === subscriptionId && invoice.status !== "draft")?.id;
}
