import type { PlanId, SubscriptionStatus } from "@driftlock/contracts";
import { isGranting, isLiveSubscription } from "./plan-selection.ts";

/** A subscription as its mirror has it. */
export interface MovableSubscription {
  status: SubscriptionStatus;
  planId: PlanId;
  planVersion: number;
  pendingPlanId: PlanId | null;
  pendingPlanVersion: number | null;
  cancelAtPeriodEnd: boolean;
  cancelAt: Date | null;
  periodEnd: Date;
}

export interface WantedVersion {
  planId: PlanId;
  fromVersion: number;
  toVersion: number;
  timing: "period-end" | "now";
}

export type MoveStep =
  /** It neither has the version nor changes to it. */
  | { kind: "elsewhere" }
  | { kind: "moved" }
  /** It has the version, and nothing is to be done while that is so. */
  | { kind: "stands"; because: "ends" | "changes" | "not-active" }
  | { kind: "planned"; effectiveAt: Date }
  | { kind: "change"; wish: "migrate"; effectiveAt: Date }
  | { kind: "change"; wish: "migrate-now" };

/**
 * What it takes to bring a subscription from one version of a plan to another; it follows from where the subscription is
 * alone, so that it can be asked again at any time (docs/decisions/0032).
 */
export function versionMoveStep(subscription: MovableSubscription, move: WantedVersion): MoveStep {
  const { status, planId, planVersion, pendingPlanId, pendingPlanVersion, periodEnd } = subscription;
  const { fromVersion, toVersion, timing } = move;
  if (!isLiveSubscription(status)) return { kind: "elsewhere" };
  const isPresent = planId === move.planId;
  const isPending = pendingPlanId === move.planId;
  const isEnding = subscription.cancelAtPeriodEnd || subscription.cancelAt !== null;
  const planned = { kind: "planned", effectiveAt: periodEnd } as const;
  if (!isPresent && isPending && !isEnding) {
    if (pendingPlanVersion === toVersion) return planned;
    return pendingPlanVersion === fromVersion
      ? { kind: "change", wish: "migrate", effectiveAt: periodEnd }
      : { kind: "elsewhere" };
  }
  if (!isPresent) return { kind: "elsewhere" };
  if (planVersion !== fromVersion) return { kind: planVersion === toVersion ? "moved" : "elsewhere" };
  if (isEnding) return { kind: "stands", because: "ends" };
  if (pendingPlanId !== null && !isPending) return { kind: "stands", because: "changes" };
  const next = isPending ? pendingPlanVersion : planVersion;
  if (timing === "now" && toVersion !== fromVersion && isGranting(status))
    return { kind: "change", wish: "migrate-now" };
  if (next === toVersion) return toVersion === fromVersion ? { kind: "moved" } : planned;
  return status === "paused"
    ? { kind: "stands", because: "not-active" }
    : { kind: "change", wish: "migrate", effectiveAt: periodEnd };
}
