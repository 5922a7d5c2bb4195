import type { SubscriptionRow, Transaction } from "@driftlock/db";
import { insertNotice } from "./insert-notice.ts";

/** Stripe tells of it three days ahead (trial_will_end); an hour more, for clocks that differ. */
const tellAheadMs = (3 * 24 + 1) * 60 * 60 * 1000;

/** Tells once of each end of a trial, as soon as it is near: what Stripe's event says is read from the subscription. */
export async function tellTrialEnding(
  tx: Transaction,
  { accountId, stripeSubscriptionId, status, planId, planVersion, trialEndsAt }: SubscriptionRow,
  now: Date,
): Promise<void> {
  if (status !== "trialing" || trialEndsAt === null || trialEndsAt.getTime() - now.getTime() > tellAheadMs)
    return;
  const endsAt = trialEndsAt.toISOString();
  await insertNotice(tx, {
    accountId,
    type: "subscription.trial_ending",
    dedupeKey: `subscription.trial_ending.${stripeSubscriptionId}.${endsAt}`,
    data: { subscriptionId: stripeSubscriptionId, planId, planVersion, trialEndsAt: endsAt },
    now,
  });
}
