import type { SimContext } from "../context.ts";
import { methodOf } from "./collect-invoice.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { finishSubscription } from "./finish-subscription.ts";
import type { Invoice } from "./invoice-draft.ts";
import type { InvoiceLine } from "./invoice-lines.ts";
import { licensedLines, usageLines } from "./item-charges.ts";
import { periodContaining, type Recurrence } from "./period.ts";
import { recordChange } from "./record-change.ts";
import { turnPhase } from "./schedule-phases.ts";
import { periodOf, periodPart, type Subscription, type SubscriptionItem } from "./subscription-object.ts";

/**
 * Closes the period that ends first and opens the next: usage of the ended period and the licences of the next go on
 * one draft. A cancellation due then ends the subscription instead, a schedule's next phase comes first.
 */
export function renewSubscription(ctx: SimContext, id: string): Invoice | null {
  const subscription = ctx.store.getOrThrow("subscription", id);
  const period = periodOf(subscription);
  const endsAt = period.end;
  const phase = turnPhase(ctx, subscription, endsAt);
  if (phase.isEnd || (subscription.cancel_at !== null && subscription.cancel_at <= endsAt)) {
    return finishSubscription(ctx, subscription, endsAt);
  }
  if (subscription.status === "trialing" && isWithoutMethod(ctx, subscription)) {
    const missing = subscription.trial_settings?.end_behavior.missing_payment_method;
    if (missing === "cancel") return finishSubscription(ctx, subscription, endsAt);
    if (missing === "pause") return pauseAtTrialEnd(ctx, subscription);
  }
  const items = (phase.items ?? subscription.items.data).map((item) =>
    item.current_period_end <= endsAt ? renewed(item, subscription.billing_cycle_anchor, endsAt) : item,
  );
  const invoice = drawInvoice(ctx, subscription, {
    billingReason: "subscription_cycle",
    lines: [...endedUsage(ctx, subscription, endsAt), ...openedLicences(ctx, items, endsAt)],
    period,
    finalizes: "grace",
  });
  const change = {
    ...phase.change,
    items: { ...subscription.items, data: items },
    ...(subscription.status === "trialing" ? { status: "active" } : {}),
    ...(invoice === null ? {} : { latest_invoice: invoice.id }),
  };
  recordChange(ctx, "subscription", id, change);
  return invoice;
}

/** Usage of the items whose period ends; what was used in a trial is free. */
function endedUsage(ctx: SimContext, subscription: Subscription, endsAt: number): InvoiceLine[] {
  if (subscription.status === "trialing") return [];
  const ended = subscription.items.data.filter((item) => item.current_period_end <= endsAt);
  return ended.flatMap((item) => usageLines(ctx, subscription, item, item.current_period_end));
}

function openedLicences(ctx: SimContext, items: SubscriptionItem[], at: number): InvoiceLine[] {
  return items.flatMap((item) => {
    const { current_period_start: start, current_period_end: end } = item;
    return start >= at ? licensedLines(ctx, item, { start, end }) : [];
  });
}

function pauseAtTrialEnd(ctx: SimContext, subscription: Subscription): null {
  const type = "trial_end_without_payment_method";
  const paused = { subscription: { type }, transitioned_at: ctx.now(), type: "subscription" };
  const change = { status: "paused", status_details: { paused } };
  ctx.emit("customer.subscription.paused", ctx.store.update("subscription", subscription.id, change));
  return null;
}

const isWithoutMethod = (ctx: SimContext, { id, customer }: Subscription): boolean =>
  methodOf(ctx, { customerId: customer, subscriptionId: id, invoiceMethodId: null }) === null;

/** The item in the period that holds `at`; its usage is billed up to there. */
function renewed(item: SubscriptionItem, anchorAt: number, at: number): SubscriptionItem {
  const recurring = item.price.recurring as Recurrence & { usage_type: string };
  return { ...item, ...periodPart({ recurring }, periodContaining(anchorAt, recurring, at), at) };
}
