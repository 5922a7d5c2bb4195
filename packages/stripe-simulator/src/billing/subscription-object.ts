import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { isMetered, type Price } from "./catalog.ts";
import { type Period, periodContaining, type Recurrence } from "./period.ts";

export type Subscription = ObjectOf<"subscription">;
export type SubscriptionItem = Stored<Stripe.SubscriptionItem>;

export interface NewItem {
  subscriptionId: string;
  price: Price & { recurring: Recurrence };
  quantity: number | undefined;
  metadata: Record<string, string>;
  period: Period;
}

/** A subscription item whose usage, if it is metered, counts from now on. */
export function newItem(
  ctx: SimContext,
  { subscriptionId, price, quantity, metadata, period }: NewItem,
): SubscriptionItem {
  return {
    id: ctx.newId("si"),
    object: "subscription_item",
    billing_thresholds: null,
    created: ctx.now(),
    current_trial: null,
    discounts: [],
    metadata,
    subscription: subscriptionId,
    tax_rates: [],
    ...pricedPart(price, quantity),
    ...periodPart(price, period, ctx.now()),
  };
}

/** The fields of an item that follow from its price. A metered item has no quantity. */
export function pricedPart(price: Price, quantity: number | undefined) {
  if (isMetered(price) && quantity !== undefined) {
    throw invalidRequest("You cannot set the quantity for metered plans.", { param: "quantity" });
  }
  return {
    price,
    plan: planOf(price),
    ...(isMetered(price) ? {} : { quantity: quantity ?? 1 }),
  };
}

/** The fields of an item that follow from its period: licensed items are billed ahead, metered ones up to `billedUntil`. */
export function periodPart(
  price: { recurring: { usage_type: string } | null },
  period: Period,
  billedUntil: number,
) {
  return {
    billed_until: isMetered(price) ? billedUntil : period.end,
    current_period_start: period.start,
    current_period_end: period.end,
  };
}

/** From when on a metered item's usage has not been billed. */
export const usageFrom = (item: SubscriptionItem): number => item.billed_until ?? item.current_period_start;

/** The period of an item of the subscription that holds `at`; a trial is one period up to its end. */
export function periodAt(anchorAt: number, recurring: Recurrence, at: number): Period {
  const period = periodContaining(anchorAt, recurring, at);
  return at < anchorAt ? { start: at, end: Math.min(anchorAt, period.end) } : period;
}

/** The list object of a subscription's items. */
export const itemList = (subscriptionId: string, data: SubscriptionItem[]): Subscription["items"] => ({
  object: "list",
  data,
  has_more: false,
  url: `/v1/subscription_items?subscription=${subscriptionId}`,
});

/** Everything of a subscription that is the same for all, until a parameter says otherwise. */
export function emptySubscription(
  ctx: SimContext,
  over: Pick<Subscription, "id" | "customer" | "currency" | "items" | "billing_cycle_anchor" | "status"> &
    Partial<Subscription>,
): Subscription {
  return {
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: "included" }, type: "flexible", updated_at: ctx.now() },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: "charge_automatically",
    created: ctx.now(),
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: ctx.now(),
    test_clock: ctx.store.get("customer", over.customer)?.test_clock ?? null,
    transfer_data: null,
    trial_end: null,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: "create_invoice" },
    },
    trial_start: null,
    _isTrialEndAnnounced: false,
    ...over,
  };
}

/** The subscription as one period: from the earliest item to the first one that ends. */
export function periodOf({ items }: Subscription): Period {
  let start = Number.POSITIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  for (const item of items.data) {
    start = Math.min(start, item.current_period_start);
    end = Math.min(end, item.current_period_end);
  }
  return { start, end };
}

function planOf(price: Price): SubscriptionItem["plan"] {
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? "month",
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: price.recurring?.meter ?? null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: price.tiers_mode,
    transform_usage: price.transform_quantity,
    trial_period_days: null,
    usage_type: price.recurring?.usage_type ?? "licensed",
  };
}
