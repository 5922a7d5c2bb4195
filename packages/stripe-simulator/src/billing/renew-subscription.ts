import type { SimContext } from "../context.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { endSubscription } from "./end-subscription.ts";
import type { Invoice } from "./invoice-draft.ts";
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
  const due = subscription.items.data.filter((item) => item.current_period_end <= period.end);
  const isTrialEnd = subscription.status === "trialing";
  const usage = isTrialEnd
    ? []
    : due.flatMap((item) => usageLines(ctx, subscription, item, item.current_period_end));
  const draw = (from: Subscription, licences: ReturnType<typeof licensedLines>) =>
    drawInvoice(ctx, from, {
      billingReason: "subscription_cycle",
      lines: [...usage, ...licences],
      period,
      finalizes: "grace",
    });

  const phase = turnPhase(ctx, subscription, period.end);
  if (phase.isEnd || (subscription.cancel_at !== null && subscription.cancel_at <= period.end)) {
    endSubscription(ctx, id, { reason: "cancellation_requested" });
    const final = draw(subscription, []);
    if (final !== null) ctx.store.update("subscription", id, { latest_invoice: final.id });
    return final;
  }
  const items = (phase.items ?? subscription.items.data).map((item) =>
    item.current_period_end <= period.end
      ? renewed(item, subscription.billing_cycle_anchor, period.end)
      : item,
  );
  const renewedItems = items.filter((item) => item.current_period_start >= period.end);
  const licences = renewedItems.flatMap((item) =>
    licensedLines(ctx, item, { start: item.current_period_start, end: item.current_period_end }),
  );
  const invoice = draw(subscription, licences);
  const change = {
    ...phase.change,
    items: { ...subscription.items, data: items },
    ...(isTrialEnd ? { status: "active" } : {}),
    ...(invoice === null ? {} : { latest_invoice: invoice.id }),
  };
  recordChange(ctx, "subscription", id, change, "customer.subscription.updated");
  return invoice;
}

/** The item in the period that holds `at`; its usage is billed up to there. */
function renewed(item: SubscriptionItem, anchorAt: number, at: number): SubscriptionItem {
  const recurring = item.price.recurring as Recurrence & { usage_type: string };
  return { ...item, ...periodPart({ recurring }, periodContaining(anchorAt, recurring, at), at) };
}
