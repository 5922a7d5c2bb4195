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
