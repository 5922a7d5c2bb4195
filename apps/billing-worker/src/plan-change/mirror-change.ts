import { accounts, catalog, planChanges } from "@driftlock/db";
import { billsByUse } from "@driftlock/domain";
import { closePeriods } from "../periods/close-periods.ts";
import { retilePeriods } from "../periods/retile-periods.ts";
import { type ChangeStep, mirror, plansOf } from "./change-step.ts";
import { listSegment } from "./settle-segment.ts";

/**
 * The last step: the mirror shows what Stripe has now, and the row ends. What an upgrade cut off is billed, and closed
 * with it.
 */
export const mirrorChange: ChangeStep = async (deps, change, context) => {
  const { db, clock, pushLimits } = deps;
  const { accountId } = change;
  await mirror(deps, change, context);
  const { from } = plansOf(await catalog.listPlans(db), change);
  const now = clock.now();
  await db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, accountId);
    const periods = change.isCut && billsByUse(from) ? await listSegment(tx, change) : [];
    if ((await planChanges.updateChangeFinished(tx, change, { refusal: null, now })) === 0) return;
    await (periods.length > 0
      ? closePeriods(tx, { accountId, periods, now })
      : retilePeriods(tx, { accountId, now }));
  });
  await pushLimits({ accountId });
  return "advanced";
};
