import { AppError } from "@driftlock/contracts";
import { catalog, type Queryable } from "@driftlock/db";

export type PlanRow = Awaited<ReturnType<typeof catalog.listPlans>>[number];

/** The version of a plan that is sold today. @throws UNKNOWN_PLAN. */
export async function currentPlan(q: Queryable, planId: string): Promise<PlanRow> {
  const plans = (await catalog.listPlans(q)).filter((plan) => plan.isCurrent);
  const plan = plans.find((each) => each.planId === planId);
  if (plan !== undefined) return plan;
  throw new AppError(
    "UNKNOWN_PLAN",
    `There is no plan "${planId}"; there are ${plans.map((each) => each.planId).join(", ")}.`,
  );
}

/** A version of a plan that was sold once. */
export async function planVersion(q: Queryable, planId: string, version: number): Promise<PlanRow> {
  const plan = (await catalog.listPlans(q)).find(
    (each) => each.planId === planId && each.version === version,
  );
  if (plan !== undefined) return plan;
  throw new Error(`the catalogue has no ${planId} v${version}`);
}

export interface PlanPrices {
  /** The monthly price; bought once. */
  licensed: string;
  /** Prices of what is billed by use; they take no quantity. */
  metered: string[];
}

/** What stands for a paid plan at Stripe. @throws UNAVAILABLE before the set-up has made it. */
export function pricesOf(plan: PlanRow): PlanPrices {
  const billed = plan.limits.filter((limit) => limit.overagePolicy === "bill");
  const metered = billed.flatMap((limit) => limit.stripePriceId ?? []);
  if (plan.stripePriceId === null || metered.length < billed.length) {
    throw new AppError("UNAVAILABLE", `The plan "${plan.planId}" is not set up at Stripe yet.`, {
      retryAfterSeconds: 5,
    });
  }
  return { licensed: plan.stripePriceId, metered };
}
