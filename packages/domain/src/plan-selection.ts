import type { PlanId, SubscriptionStatus } from "@driftlock/contracts";

/** Statuses in which a subscription gives its plan; `past_due` does, while dunning runs. */
const grantingStatuses: readonly SubscriptionStatus[] = ["active", "trialing", "past_due"];

export const isGranting = (status: SubscriptionStatus): boolean => grantingStatuses.includes(status);

/** Neither over nor still waiting for its first payment. */
export const isLiveSubscription = (status: SubscriptionStatus): boolean =>
  !["canceled", "incomplete", "incomplete_expired"].includes(status);

export interface RankedSubscription {
  status: SubscriptionStatus;
  /** Of its plan: a higher one is a better plan. */
  rank: number;
  startedAt: Date;
}

/**
 * The subscription that an account's plan comes from: of those that grant one, the best plan, and of equals the one
 * that began first. Null is Free. It is computed from the set, so that a late end of an old one changes nothing.
 */
export function selectSubscription<Subscription extends RankedSubscription>(
  subscriptions: readonly Subscription[],
): Subscription | null {
  const granting = subscriptions.filter(({ status }) => isGranting(status));
  return (
    granting.toSorted((a, b) => b.rank - a.rank || a.startedAt.getTime() - b.startedAt.getTime())[0] ?? null
  );
}

export interface SoldPlan {
  planId: PlanId;
  version: number;
  stripePriceId: string | null;
}

/** The plan version that a licensed price stands for: by its id, else by its lookup key. Null for a price of others. */
export function planOfPrice<Plan extends SoldPlan>(
  plans: readonly Plan[],
  price: { id: string; lookupKey: string | null },
): Plan | null {
  const byId = plans.find((plan) => plan.stripePriceId === price.id);
  return byId ?? plans.find((plan) => planLookupKey(plan) === price.lookupKey) ?? null;
}

/** The lookup key of a plan version's monthly price. */
export const planLookupKey = ({ planId, version }: { planId: PlanId; version: number }): string =>
  `driftlock_${planId}_v${version}`;

/** The lookup key of the price that bills a metric of a plan version. */
export const overageLookupKey = (of: { planId: PlanId; version: number; metric: string }): string =>
  `${planLookupKey(of)}_${of.metric}`;
