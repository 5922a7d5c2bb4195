import type { NoticeType, SubscriptionStatus } from "@driftlock/contracts";
import { isGranting, isLiveSubscription } from "./plan-selection.ts";

export interface SubscriptionState {
  planId: string;
  planVersion: number;
  status: SubscriptionStatus;
  cancelAtPeriodEnd: boolean;
  cancelAt: Date | null;
}

type SubscriptionStep = Extract<NoticeType, `subscription.${string}`>;

/** What a customer is told when a subscription goes from `before` (null: unknown until now) to `after`. */
export function subscriptionSteps(
  before: SubscriptionState | null,
  after: SubscriptionState,
): SubscriptionStep[] {
  const was = before !== null && isGranting(before.status);
  if (!isLiveSubscription(after.status)) {
    return before !== null && isLiveSubscription(before.status) ? ["subscription.ended"] : [];
  }
  if (!isGranting(after.status)) return [];
  const steps: SubscriptionStep[] = was ? [] : ["subscription.started"];
  if (was && (before.planId !== after.planId || before.planVersion !== after.planVersion))
    steps.push("subscription.changed");
  const wasEnding = before !== null && isEnding(before);
  if (isEnding(after) && !wasEnding) steps.push("subscription.cancel_scheduled");
  if (!isEnding(after) && wasEnding) steps.push("subscription.resumed");
  return steps;
}

const isEnding = ({ cancelAtPeriodEnd, cancelAt }: SubscriptionState): boolean =>
  cancelAtPeriodEnd || cancelAt !== null;
