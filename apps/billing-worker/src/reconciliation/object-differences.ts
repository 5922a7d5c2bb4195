import type { catalog, mirrorDifferences } from "@driftlock/db";
import { planOfPrice } from "@driftlock/domain";
import type { Stripe } from "@driftlock/stripe";
import { differences } from "../catalog/catalog-step.ts";
import { instantOf, instantOrNull } from "../sync/syncer.ts";

interface Ours {
  mirror: mirrorDifferences.MirroredSubscriptionRow | null;
  /** An account of ours has its customer, or is named by it. */
  isOurs: boolean;
  plans: readonly catalog.PlanRow[];
}

/** What Stripe says otherwise than the mirror, in words; null where nothing, and for a subscription of others. */
export function subscriptionDifference(
  subscription: Stripe.Subscription,
  { mirror, isOurs, plans }: Ours,
): string | null {
  const sold = subscription.items.data.flatMap((item) => {
    const plan = planOfPrice(plans, { id: item.price.id, lookupKey: item.price.lookup_key });
    return plan === null ? [] : [{ item, plan }];
  })[0];
  if (sold === undefined && mirror === null) return null;
  if (mirror === null) return isOurs ? "not mirrored" : null;
  const found = differences({
    status: [mirror.status, subscription.status],
    plan: [
      `${mirror.planId} v${mirror.planVersion}`,
      sold ? `${sold.plan.planId} v${sold.plan.version}` : "none of ours",
    ],
    "period start": [mirror.periodStart, sold ? instantOf(sold.item.current_period_start) : null],
    "period end": [mirror.periodEnd, sold ? instantOf(sold.item.current_period_end) : null],
    "cancel at period end": [mirror.cancelAtPeriodEnd, subscription.cancel_at_period_end],
    "cancel at": [mirror.cancelAt, instantOrNull(subscription.cancel_at)],
  });
  return found.length === 0 ? null : found.join("; ");
}

/** An account that its customer names should be tied to one. */
export const customerDifference = (account: mirrorDifferences.TiedAccountRow | null): string | null =>
  account !== null && account.stripeCustomerId === null ? "the account is tied to no customer" : null;
