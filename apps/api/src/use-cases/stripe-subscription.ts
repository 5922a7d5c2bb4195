import { AppError } from "@driftlock/contracts";
import { catalog, type Queryable, subscriptions } from "@driftlock/db";
import { planOfPrice } from "@driftlock/domain";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { changeableSubscription } from "./account-standing.ts";
import type { PlanPrices, PlanRow } from "./plan-catalog.ts";

/** An account's paid subscription as Stripe tells it at this moment: what a change is decided from. */
export interface PresentSubscription {
  accountId: string;
  id: string;
  plan: PlanRow;
  stripe: Stripe.Subscription;
  /** The item of the plan's monthly price; its period is the subscription's, in unix seconds. */
  item: Stripe.SubscriptionItem;
  isEnding: boolean;
  scheduleId: string | null;
}

/**
 * Reads the subscription that a change is about from Stripe.
 * @throws NO_SUBSCRIPTION where it has none, or its last one has ended at Stripe.
 */
export async function readPresentSubscription(
  { q, stripe }: { q: Queryable; stripe: Stripe },
  accountId: string,
): Promise<PresentSubscription> {
  const plans = await catalog.listPlans(q);
  const live = changeableSubscription(plans, await subscriptions.listSubscriptions(q, accountId));
  if (live === null) throw noSubscription(accountId);
  const present = await stripeCall(() => stripe.subscriptions.retrieve(live.stripeSubscriptionId));
  if (present.status === "canceled") throw noSubscription(accountId);
  for (const item of present.items.data) {
    const plan = planOfPrice(plans, { id: item.price.id, lookupKey: item.price.lookup_key });
    if (plan === null) continue;
    return {
      accountId,
      id: present.id,
      plan,
      stripe: present,
      item,
      isEnding: present.cancel_at_period_end || present.cancel_at !== null,
      scheduleId: typeof present.schedule === "string" ? present.schedule : (present.schedule?.id ?? null),
    };
  }
  throw new Error(`no item of ${present.id} has a price of a plan of ours`);
}

const noSubscription = (accountId: string): AppError =>
  new AppError(
    "NO_SUBSCRIPTION",
    `"${accountId}" has no paid subscription: begin one with POST /billing/checkout.`,
  );

/** The changes of items that turn a subscription's plan into another: the monthly item is swapped, metered ones go and come. */
export function itemChanges(
  { item, stripe }: PresentSubscription,
  prices: PlanPrices,
): Stripe.SubscriptionUpdateParams.Item[] {
  const others = stripe.items.data.filter(({ id }) => id !== item.id);
  const kept = new Set(others.map(({ price }) => price.id));
  return [
    { id: item.id, price: prices.licensed, quantity: 1 },
    ...others
      .filter(({ price }) => !prices.metered.includes(price.id))
      .map(({ id }) => ({ id, deleted: true })),
    ...prices.metered.filter((price) => !kept.has(price)).map((price) => ({ price })),
  ];
}

/** Whether what is used on a plan costs more than its price: such usage is settled before the plan is changed. */
export const billsByUse = ({ plan }: PresentSubscription): boolean =>
  plan.limits.some(({ overagePolicy }) => overagePolicy === "bill");
