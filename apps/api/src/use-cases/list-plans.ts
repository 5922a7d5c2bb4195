import type { PlanDto, PlansDto } from "@driftlock/contracts";
import { catalog, type Db } from "@driftlock/db";

/** The plans as they are sold today, cheapest first. */
export const createListPlans =
  ({ db }: { db: Db }) =>
  async (): Promise<PlansDto> => {
    const plans = await catalog.listPlans(db);
    return { plans: plans.filter((plan) => plan.isCurrent).map(toPlanDto) };
  };

type PlanRow = Awaited<ReturnType<typeof catalog.listPlans>>[number];

const toPlanDto = (plan: PlanRow): PlanDto => ({
  id: plan.planId,
  version: plan.version,
  name: plan.name,
  price: { amountMinor: plan.priceAmountMinor, currency: plan.currency, interval: plan.interval },
  features: plan.features.map(({ name }) => name),
  limits: Object.fromEntries(plan.limits.map(({ metric, includedQuantity }) => [metric, includedQuantity])),
  retentionDays: plan.retentionDays,
  support: plan.support,
  overage: plan.limits.flatMap(({ metric, overageAmountMinor, overagePerUnits }) =>
    overageAmountMinor === null || overagePerUnits === null
      ? []
      : [{ metric, amountMinor: overageAmountMinor, perUnits: overagePerUnits, currency: plan.currency }],
  ),
});
