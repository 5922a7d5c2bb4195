import type { SimContext } from "../context.ts";
import { isMetered } from "./catalog.ts";
import { decimalOf } from "./decimal.ts";
import { type InvoiceLine, type ItemCharge, subscriptionLines, trialLine } from "./invoice-lines.ts";
import { usageTotal } from "./meter-usage.ts";
import type { Period } from "./period.ts";
import { type Subscription, type SubscriptionItem, usageFrom } from "./subscription-object.ts";

/** The lines of a licensed item for a period ahead; none for a metered one. */
export function licensedLines(ctx: SimContext, item: SubscriptionItem, period: Period): InvoiceLine[] {
  if (isMetered(item.price)) return [];
  return subscriptionLines(ctx, chargeOf(item, period), decimalOf(item.quantity ?? 1));
}

/** The free line of an item that starts with a trial; none for a metered one. */
export function trialLines(ctx: SimContext, item: SubscriptionItem, period: Period): InvoiceLine[] {
  return isMetered(item.price) ? [] : [trialLine(ctx, chargeOf(item, period), item.quantity ?? 1)];
}

/** The lines of a metered item's usage from where it was last billed up to `until`; none for a licensed one. */
export function usageLines(
  ctx: SimContext,
  subscription: Subscription,
  item: SubscriptionItem,
  until: number,
): InvoiceLine[] {
  const meterId = item.price.recurring?.meter ?? null;
  const period = { start: usageFrom(item), end: until };
  if (!isMetered(item.price) || meterId === null || period.start >= until) return [];
  const total = usageTotal(ctx, meterId, subscription.customer, period);
  return subscriptionLines(ctx, chargeOf(item, period), total);
}

const chargeOf = (item: SubscriptionItem, period: Period): ItemCharge => ({
  subscriptionId: item.subscription,
  itemId: item.id,
  priceId: item.price.id,
  period,
  metadata: item.metadata,
});
