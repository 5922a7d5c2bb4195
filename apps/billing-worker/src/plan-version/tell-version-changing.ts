import { catalog, type PlanVersionMoveRow, type Transaction } from "@driftlock/db";
import { insertNotice } from "../notices/insert-notice.ts";

/** Tells an account, once for each instant, that its plan is of another version from then on, and what differs. */
export async function tellVersionChanging(
  tx: Transaction,
  { accountId, planId, fromVersion, toVersion }: PlanVersionMoveRow,
  { effectiveAt, subscriptionId, now }: { effectiveAt: Date; subscriptionId: string | null; now: Date },
): Promise<void> {
  if (toVersion === fromVersion) return;
  const plans = (await catalog.listPlans(tx)).filter((plan) => plan.planId === planId);
  const at = effectiveAt.toISOString();
  await insertNotice(tx, {
    accountId,
    type: "plan.version_changing",
    dedupeKey: `plan.version_changing.${accountId}.${planId}.${fromVersion}.${toVersion}.${at}`,
    data: {
      ...(subscriptionId !== null && { subscriptionId }),
      planId,
      effectiveAt: at,
      before: toldVersion(plans.find(({ version }) => version === fromVersion)),
      after: toldVersion(plans.find(({ version }) => version === toVersion)),
    },
    now,
  });
}

const toldVersion = (plan: catalog.PlanRow | undefined) =>
  plan && {
    planVersion: plan.version,
    name: plan.name,
    price: { amountMinor: plan.priceAmountMinor, currency: plan.currency, interval: plan.interval },
    limits: Object.fromEntries(plan.limits.map(({ metric, includedQuantity }) => [metric, includedQuantity])),
    overage: plan.limits.flatMap(({ metric, overageAmountMinor: amountMinor, overagePerUnits: perUnits }) =>
      amountMinor === null || perUnits === null ? [] : [{ metric, amountMinor, perUnits }],
    ),
  };
