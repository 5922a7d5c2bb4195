import { AppError, type OveragePolicy, type PlanId } from "@driftlock/contracts";
import { planOfPrice } from "./plan-selection.ts";

/** What a change needs to know of a plan version. */
export interface ChangePlan {
  planId: PlanId;
  version: number;
  /** A higher one is a better plan. */
  rank: number;
  priceAmountMinor: number;
  interval: "month" | "year";
  stripePriceId: string | null;
  limits: readonly { metric: string; overagePolicy: OveragePolicy; stripePriceId: string | null }[];
}

interface StripePrice {
  id: string;
  lookup_key?: string | null;
}

interface StripeItem {
  id: string;
  quantity?: number;
  /** Unix seconds: the period lies on the item, not on the subscription (FIELD H19). */
  current_period_start: number;
  current_period_end: number;
  price: StripePrice;
}

interface StripeSchedule {
  id: string;
  status: string;
  phases: { start_date: number; items: { price: string | StripePrice }[] }[];
}

/** What is read of Stripe's subscription; only an expanded schedule tells what it turns to. */
export interface StripeSubscriptionView {
  id: string;
  status: string;
  cancel_at_period_end: boolean;
  cancel_at: number | null;
  schedule: string | StripeSchedule | null;
  items: { data: StripeItem[] };
}

/** A paid subscription as Stripe tells it at this moment: what a change is decided from. */
export interface PresentSubscription<Plan extends ChangePlan> {
  subscriptionId: string;
  status: string;
  plan: Plan;
  /** The item of the plan's own price; its period is the subscription's. */
  item: PresentItem;
  items: readonly PresentItem[];
  periodStartSeconds: number;
  periodEndSeconds: number;
  isEnding: boolean;
  scheduleId: string | null;
  /** The plan that its schedule turns to at the period's end. */
  pending: Plan | null;
}

interface PresentItem {
  id: string;
  priceId: string;
  quantity: number | undefined;
}

/** Null where the subscription has ended. @throws UNKNOWN_PLAN where no item has a price of a plan of ours. */
export function presentSubscription<Plan extends ChangePlan>(
  plans: readonly Plan[],
  subscription: StripeSubscriptionView,
): PresentSubscription<Plan> | null {
  const { id, status, schedule } = subscription;
  if (status === "canceled" || status === "incomplete_expired") return null;
  const [sold] = subscription.items.data.flatMap((item) => {
    const plan = planOf(plans, item.price);
    return plan === null ? [] : [{ item, plan }];
  });
  if (sold === undefined)
    throw new AppError("UNKNOWN_PLAN", `No price of the subscription ${id} is in the catalogue.`);
  const items = subscription.items.data.map((item) => ({
    id: item.id,
    priceId: item.price.id,
    quantity: item.quantity,
  }));
  const { current_period_start: periodStartSeconds, current_period_end: periodEndSeconds } = sold.item;
  return {
    subscriptionId: id,
    status,
    plan: sold.plan,
    item: { id: sold.item.id, priceId: sold.item.price.id, quantity: sold.item.quantity },
    items,
    periodStartSeconds,
    periodEndSeconds,
    isEnding: subscription.cancel_at_period_end || subscription.cancel_at !== null,
    scheduleId: typeof schedule === "string" ? schedule : (schedule?.id ?? null),
    pending: pendingPlan(plans, schedule, { plan: sold.plan, periodEndSeconds }),
  };
}

/** The plan that a schedule turns to at the period's end, where it is another one. */
export function pendingPlan<Plan extends ChangePlan>(
  plans: readonly Plan[],
  schedule: StripeSubscriptionView["schedule"],
  { plan, periodEndSeconds }: { plan: Plan; periodEndSeconds: number },
): Plan | null {
  if (schedule === null || typeof schedule === "string" || schedule.status !== "active") return null;
  const next = schedule.phases.find((phase) => phase.start_date >= periodEndSeconds);
  const [pending] = (next?.items ?? []).flatMap(({ price }) => planOf(plans, price) ?? []);
  return pending === undefined || pending === plan ? null : pending;
}

const planOf = <Plan extends ChangePlan>(plans: readonly Plan[], price: string | StripePrice) =>
  typeof price === "string"
    ? planOfPrice(plans, { id: price, lookupKey: null })
    : planOfPrice(plans, { id: price.id, lookupKey: price.lookup_key ?? null });

export interface PlanPrices {
  /** The plan's own price; bought once. */
  licensed: string;
  /** Prices of what is billed by use; they take no quantity. */
  metered: string[];
}

/** What stands for a paid plan at Stripe. @throws UNAVAILABLE before the set-up has made it. */
export function pricesOfPlan(plan: ChangePlan): PlanPrices {
  const billed = plan.limits.filter((limit) => limit.overagePolicy === "bill");
  const metered = billed.flatMap((limit) => limit.stripePriceId ?? []);
  if (plan.stripePriceId === null || metered.length < billed.length) {
    throw new AppError("UNAVAILABLE", `The plan "${plan.planId}" is not set up at Stripe yet.`, {
      retryAfterSeconds: 5,
    });
  }
  return { licensed: plan.stripePriceId, metered };
}
