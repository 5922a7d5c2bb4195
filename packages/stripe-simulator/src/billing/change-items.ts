import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { Stored } from "../stored.ts";
import { isMetered, recurringPrice } from "./catalog.ts";
import { refuseSharedMeter } from "./shared-meters.ts";
import { billUsage, creditItem, debitItem } from "./item-prorations.ts";
import {
  newItem,
  periodAt,
  periodPart,
  pricedPart,
  type Subscription,
  type SubscriptionItem,
} from "./subscription-object.ts";

export type ItemChange = Stored<Stripe.SubscriptionUpdateParams.Item>;

/** The items a subscription has after these changes, made at `at` (unix seconds); throws Stripe's errors. */
export function changedItems(
  ctx: SimContext,
  subscription: Subscription,
  { changes, anchorAt, at }: { changes: ItemChange[]; anchorAt: number; at: number },
): SubscriptionItem[] {
  const items = new Map(subscription.items.data.map((item) => [item.id, item]));
  for (const [index, change] of changes.entries()) {
    const param = `items[${index}]`;
    const current = change.id === undefined ? undefined : items.get(change.id);
    if (change.id !== undefined && current === undefined) {
      throw invalidRequest(`No such subscription_item: '${change.id}'`, {
        code: "resource_missing",
        param: `${param}[id]`,
      });
    }
    if (change.deleted === true) items.delete(change.id ?? "");
    else if (current !== undefined)
      items.set(current.id, changedItem(ctx, current, { change, anchorAt, at, param }));
    else {
      const price = recurringPrice(ctx, change.price ?? "", `${param}[price]`);
      const period = periodAt(anchorAt, price.recurring, at);
      const metadata = applyMetadata(null, change.metadata);
      const added = newItem(ctx, {
        subscriptionId: subscription.id,
        price,
        quantity: change.quantity,
        metadata,
        period,
      });
      items.set(added.id, { ...added, ...(isMetered(price) ? { billed_until: at } : {}) });
    }
  }
  const next = [...items.values()];
  if (next.length === 0)
    throw invalidRequest("A subscription must have at least one active plan.", { param: "items" });
  if (new Set(next.map((item) => item.price.id)).size < next.length) {
    throw invalidRequest("Cannot add multiple subscription items with the same price.", { param: "items" });
  }
  refuseSharedMeter(ctx, next);
  return next;
}

/**
 * Makes the pending invoice items of a change of items at `at`: licences are credited and debited for the rest of
 * their period, usage of a metered item that goes is billed up to there. Where the billing cycle starts anew every
 * item is credited, and the invoice of the new period debits.
 */
export function prorateChange(
  ctx: SimContext,
  subscription: Subscription,
  {
    next,
    at,
    restarts,
    changes,
  }: { next: SubscriptionItem[]; at: number; restarts: boolean; changes: ItemChange[] },
): void {
  const before = subscription.items.data;
  const isSame = (a: SubscriptionItem | undefined, b: SubscriptionItem): boolean =>
    a !== undefined && a.price.id === b.price.id && a.quantity === b.quantity;
  for (const item of before) {
    if (!restarts && isSame(find(next, item), item)) continue;
    creditItem(ctx, subscription, item, at);
    const isCleared = changes.some((change) => change.id === item.id && change.clear_usage === true);
    const goes = restarts || find(next, item)?.price.id !== item.price.id;
    if (goes && !isCleared) billUsage(ctx, subscription, item, at);
  }
  if (restarts) return;
  for (const item of next) if (!isSame(find(before, item), item)) debitItem(ctx, subscription, item, at);
}

const find = (items: SubscriptionItem[], { id }: SubscriptionItem): SubscriptionItem | undefined =>
  items.find((item) => item.id === id);

interface Changing {
  change: ItemChange;
  anchorAt: number;
  at: number;
  param: string;
}

function changedItem(
  ctx: SimContext,
  item: SubscriptionItem,
  { change, anchorAt, at, param }: Changing,
): SubscriptionItem {
  const price = recurringPrice(ctx, change.price ?? item.price.id, `${param}[price]`);
  const isSwap = price.id !== item.price.id;
  const { quantity: _, ...rest } = item;
  const period = periodAt(anchorAt, price.recurring, at);
  const quantity = change.quantity ?? (isMetered(price) ? undefined : item.quantity);
  return {
    ...rest,
    metadata: applyMetadata(item.metadata, change.metadata),
    ...pricedPart(price, quantity),
    ...(isSwap ? periodPart(price, period, at) : {}),
  };
}
