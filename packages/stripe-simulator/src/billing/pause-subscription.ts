import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { licensedLines } from "./item-charges.ts";
import { billUsage, creditItem } from "./item-prorations.ts";
import { periodContaining, type Recurrence } from "./period.ts";
import { periodOf, periodPart, type Subscription } from "./subscription-object.ts";
import { collectNow } from "./update-subscription.ts";

export type PauseParams = Stored<Stripe.SubscriptionPauseParams>;
export type ResumeParams = Stored<Stripe.SubscriptionResumeParams>;

/** Pauses a subscription: nothing is drawn until it is resumed. By default the rest of the period is credited. */
export function pauseSubscription(ctx: SimContext, id: string, params: PauseParams): Subscription {
  const subscription = ctx.store.getOrThrow("subscription", id);
  if (!["active", "trialing", "past_due", "unpaid"].includes(subscription.status)) {
    throw invalidRequest(`A subscription that is ${subscription.status} cannot be paused.`);
  }
  const now = ctx.now();
  const isTrial = subscription.status === "trialing";
  for (const item of isTrial ? [] : subscription.items.data) {
    if (params.bill_for?.unused_time_from?.type !== "none") creditItem(ctx, subscription, item, now);
    if (params.bill_for?.outstanding_usage_through?.type !== "none") billUsage(ctx, subscription, item, now);
  }
  const paused = ctx.store.update("subscription", id, {
    status: "paused",
    status_details: {
      paused: { subscription: { type: "pause_requested" }, transitioned_at: now, type: "subscription" },
    },
  });
  ctx.emit("customer.subscription.paused", paused);
  if (params.invoicing_behavior === "pending_invoice_item") return paused;
  const period = { start: periodOf(subscription).start, end: now };
  const invoice = drawInvoice(ctx, subscription, {
    billingReason: "subscription_update",
    lines: [],
    period,
    finalizes: "at-once",
  });
  if (invoice === null) return paused;
  ctx.store.update("subscription", id, { latest_invoice: invoice.id });
  collectNow(ctx, invoice);
  return ctx.store.getOrThrow("subscription", id);
}

/**
 * Resumes a paused subscription with a new period from now (`billing_cycle_anchor` now, the default), invoiced and
 * collected at once; with `unchanged` the present period of the old cycle goes on, unbilled.
 */
export function resumeSubscription(ctx: SimContext, id: string, params: ResumeParams): Subscription {
  return ctx.store.savepoint(() => {
    const subscription = ctx.store.getOrThrow("subscription", id);
    if (subscription.status !== "paused") throw invalidRequest("Only a paused subscription can be resumed.");
    const now = ctx.now();
    const isAnew = params.billing_cycle_anchor?.type !== "unchanged";
    const anchorAt = isAnew ? now : subscription.billing_cycle_anchor;
    const data = subscription.items.data.map((item) => ({
      ...item,
      ...periodPart(item.price, periodContaining(anchorAt, item.price.recurring as Recurrence, now), now),
    }));
    const { status_details: _, ...rest } = subscription;
    const items = { ...subscription.items, data };
    const resumed: Subscription = { ...rest, status: "active", billing_cycle_anchor: anchorAt, items };
    const lines = isAnew
      ? data.flatMap((item) => licensedLines(ctx, item, { start: now, end: item.current_period_end }))
      : [];
    const input = {
      billingReason: "subscription_update",
      lines,
      period: { start: now, end: now },
      finalizes: "at-once",
    } as const;
    const invoice = drawInvoice(ctx, resumed, input);
    ctx.store.put("subscription", { ...resumed, latest_invoice: invoice?.id ?? resumed.latest_invoice });
    ctx.emit("customer.subscription.resumed", ctx.store.getOrThrow("subscription", id), { status: "paused" });
    const collection = invoice === null ? null : collectNow(ctx, invoice);
    if (
      collection !== null &&
      collection.outcome !== "paid" &&
      params.payment_behavior === "resume_on_payment_success"
    ) {
      throw new StripeError(402, collection.error);
    }
    return ctx.store.getOrThrow("subscription", id);
  });
}
