import { accounts, catalog, planChanges } from "@driftlock/db";
import { retilePeriods } from "../periods/retile-periods.ts";
import { type ChangeStep, effectiveAtOf, plansOf } from "./change-step.ts";

/** Takes the cut back: periods merge, totals follow their events. With a refusal that is the end, else a new beginning. */
export const undoCut: ChangeStep = async ({ db, clock, pushLimits }, change) => {
  const { accountId, stripeSubscriptionId, refusal } = change;
  const { from } = plansOf(await catalog.listPlans(db), change);
  const now = clock.now();
  await db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, accountId);
    if ((await planChanges.updateChangeUncut(tx, change)) === 0) return;
    const undone = { stripeSubscriptionId, at: effectiveAtOf(change), from };
    await retilePeriods(tx, { accountId, now, undone });
    await (refusal === null
      ? planChanges.updateChangeState(tx, change, { state: "requested" })
      : planChanges.updateChangeFinished(tx, change, { refusal, now }));
  });
  await pushLimits({ accountId });
  return "advanced";
};
