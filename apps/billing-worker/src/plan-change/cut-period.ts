import { AppError } from "@driftlock/contracts";
import { accounts, type catalog, type PlanChangeRow, planChanges, subscriptions } from "@driftlock/db";
import { billsByUse, pricesOfPlan, upgradeSecond } from "@driftlock/domain";
import { retilePeriods } from "../periods/retile-periods.ts";
import { type ChangeDeps, type Present, tryAgain } from "./change-step.ts";

const secondMs = 1_000;
const pollMs = 500;
/** The commit comes before the cut: no window that carries an instant past it was frozen for the period before it. */
const marginMs = 300;

/**
 * Cuts the account's time a second or two ahead, where an upgrade takes effect: what is used from there on counts on the
 * new plan, and what was used before it can be drained, reported and verified.
 */
export async function cutPeriod(
  { db, clock, wallClock, pushLimits }: ChangeDeps,
  change: PlanChangeRow,
  { present, to }: { present: Present; to: catalog.PlanRow },
): Promise<"advanced" | "waiting"> {
  pricesOfPlan(to);
  const { accountId, stripeSubscriptionId } = change;
  const from = present.plan;
  const isCut = await db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, accountId);
    const second = upgradeSecond(present, clock.now());
    const mirrored = await subscriptions.findSubscription(tx, stripeSubscriptionId);
    // The renewal comes first, or came since.
    if (second === null || mirrored?.periodStart.getTime() !== present.periodStartSeconds * secondMs)
      return false;
    const effectiveAt = new Date(second * secondMs);
    const state = billsByUse(from) ? ("draining" as const) : ("changing" as const);
    const decided = { kind: "upgrade", from, to, dropped: null, effectiveAt, isCut: true, state } as const;
    if ((await planChanges.updateChangeDecided(tx, change, decided)) === 0) return true;
    await retilePeriods(tx, { accountId, now: clock.now() });
    if (clock.now().getTime() + marginMs > effectiveAt.getTime())
      throw new AppError("UNAVAILABLE", `The cut of ${accountId} took too long; it is made anew.`);
    return true;
  });
  if (!isCut) return tryAgain({ db, wallClock }, change, { delayMs: pollMs });
  await pushLimits({ accountId });
  return "advanced";
}
