import { AppError, type EntitlementsDto } from "@driftlock/contracts";
import { type Db, usagePeriods } from "@driftlock/db";
import type { AccessPolicy } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { readStanding } from "./account-standing.ts";

interface Deps {
  db: Db;
  clock: Clock;
  accessPolicy: AccessPolicy;
}

/** What the product gates on: the plan version of the present period, and what the payment state allows. */
export const createGetEntitlements =
  ({ db, clock, accessPolicy }: Deps) =>
  async (accountId: string): Promise<EntitlementsDto> => {
    const [standing, period] = await Promise.all([
      readStanding(db, accountId, accessPolicy),
      usagePeriods.findPeriodAt(db, accountId, clock.now()),
    ]);
    const plan = standing.plans.find(
      ({ planId, version }) => planId === period?.planId && version === period.planVersion,
    );
    if (plan === undefined)
      throw new AppError("UNAVAILABLE", "The present period is not known yet; try again.");
    const all = standing.plans.flatMap(({ features }) => features.map(({ feature }) => feature));
    const included = new Set(plan.features.map(({ feature }) => feature));
    return {
      planId: plan.planId,
      features: Object.fromEntries([...new Set(all)].map((feature) => [feature, included.has(feature)])),
      limits: Object.fromEntries(
        plan.limits.map(({ metric, includedQuantity }) => [metric, includedQuantity]),
      ),
      access: standing.access,
      retentionDays: plan.retentionDays,
      support: plan.support,
    };
  };
