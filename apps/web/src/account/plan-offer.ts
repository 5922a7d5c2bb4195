import type { Plan, PlanId, Subscription } from "../api/router-outputs.ts";

/** What an account can do about a plan. */
export type PlanOffer =
  | { kind: "present" }
  /** The present plan, which is set to end or to change: it can be kept. */
  | { kind: "keep" }
  /** The plan that follows at the period's end. */
  | { kind: "pending" }
  | { kind: "buy" }
  | { kind: "change"; direction: "upgrade" | "downgrade" }
  | { kind: "cancel" };

/** Whether the account pays for its plan. */
export const isPaying = (subscription: Subscription): boolean => subscription.planId !== "free";

/** What the button of a plan does for this account. Dearer is up, cheaper is down. */
export function planOffer(planId: PlanId, subscription: Subscription, plans: readonly Plan[]): PlanOffer {
  if (planId === subscription.planId) {
    return { kind: subscription.pendingPlanId === null ? "present" : "keep" };
  }
  if (planId === subscription.pendingPlanId) return { kind: "pending" };
  if (!isPaying(subscription)) return { kind: "buy" };
  if (planId === "free") return { kind: "cancel" };
  const priceOf = (id: PlanId) => plans.find((plan) => plan.id === id)?.price.amountMinor ?? 0;
  const isDearer = priceOf(planId) > priceOf(subscription.planId);
  return { kind: "change", direction: isDearer ? "upgrade" : "downgrade" };
}
