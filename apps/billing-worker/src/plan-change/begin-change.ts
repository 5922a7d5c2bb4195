import { catalog, type PlanChangeRow, planChanges } from "@driftlock/db";
import { decidePlanChange, type PlanWish } from "@driftlock/domain";
import {
  type ChangeDeps,
  type ChangeStep,
  findPlan,
  mirror,
  noSubscription,
  type Present,
  readPresent,
  refuse,
} from "./change-step.ts";
import { cutPeriod } from "./cut-period.ts";

const secondMs = 1_000;

/** Reads what Stripe has, and decides what the wish comes to. Nothing is done before that is written. */
export const beginChange: ChangeStep = async (deps, change, context) => {
  const { db, stripe } = deps;
  await mirror(deps, change, context);
  const plans = await catalog.listPlans(db);
  const present = await readPresent(stripe, plans, change.stripeSubscriptionId);
  if (present === null) return refuse(deps, change, noSubscription(change.accountId));
  if (change.wish === "cancel-now") return beginCancel(deps, change, present);
  const wish = await wishOf(deps, change, plans);
  if (wish === null)
    return refuse(deps, change, {
      code: "UNKNOWN_PLAN",
      detail: `There is no plan "${change.wantedPlanId}".`,
    });
  const decision = decidePlanChange(present, wish);
  if (decision.outcome === "refused")
    return refuse(deps, change, { code: decision.code, detail: decision.detail });
  const { kind, from, to, dropped } = decision;
  if (kind === "upgrade" && to !== null) return cutPeriod(deps, change, { present, to });
  const effectiveAt = new Date(present.periodEndSeconds * secondMs);
  await planChanges.updateChangeDecided(db, change, {
    kind,
    from,
    to,
    dropped,
    effectiveAt,
    isCut: false,
    state: "settling",
  });
  return "advanced";
};

async function wishOf(
  { db }: ChangeDeps,
  change: PlanChangeRow,
  plans: readonly catalog.PlanRow[],
): Promise<PlanWish<catalog.PlanRow> | null> {
  if (change.wish === "cancel") return { kind: "cancel" };
  if (change.wish === "migrate" || change.wish === "migrate-now") {
    const wanted = findPlan(plans, change.wantedPlanId, change.wantedPlanVersion);
    return wanted && { kind: "migrate", plan: wanted, isNow: change.wish === "migrate-now" };
  }
  if (change.wish === "resume") {
    const last = await planChanges.findLastMadeChange(db, change.stripeSubscriptionId);
    const dropped = last?.kind === "cancel-at-end" ? last.droppedPlanId : null;
    // Not the version of then: its price at Stripe may be archived.
    return {
      kind: "resume",
      dropped: plans.find((plan) => plan.planId === dropped && plan.isCurrent) ?? null,
    };
  }
  const plan = plans.find((each) => each.planId === change.wantedPlanId && each.isCurrent);
  return plan === undefined ? null : { kind: "change", plan };
}

/** It ends in the second in which it was asked for. */
async function beginCancel(
  { db }: ChangeDeps,
  change: PlanChangeRow,
  { plan: from }: Present,
): Promise<"advanced"> {
  const effectiveAt = new Date(Math.floor(change.requestedAt.getTime() / secondMs) * secondMs);
  await planChanges.updateChangeDecided(db, change, {
    kind: "cancel-now",
    from,
    to: null,
    dropped: null,
    effectiveAt,
    isCut: false,
    state: "ending",
  });
  return "advanced";
}
