import type { Period } from "@driftlock/contracts";
import { accounts, subscriptions, type Transaction, usagePeriods, usagePeriodsWrite } from "@driftlock/db";
import { insertNotice } from "../notices/insert-notice.ts";
import { retilePeriods } from "./retile-periods.ts";

interface ClosablePeriod {
  periodStart: Date;
  periodEnd: Date;
  planId: string;
  stripeSubscriptionId: string | null;
}

/**
 * Closes these periods of an account and tells of each reset, in the caller's transaction, and tiles the account's time
 * on. What is closed already is passed over, so that a reset happens once whatever crashes. The caller pushes the limits
 * after its commit.
 */
export async function closePeriods(
  tx: Transaction,
  { accountId, periods, now }: { accountId: string; periods: readonly ClosablePeriod[]; now: Date },
): Promise<void> {
  await accounts.findAccountForUpdate(tx, accountId);
  for (const period of periods) {
    const { periodStart } = period;
    if ((await usagePeriodsWrite.updatePeriodClosed(tx, { accountId, periodStart, now })) === 0) continue;
    await accounts.updateLimitsVersion(tx, accountId);
    await tellReset(tx, { accountId, period, now });
  }
  await retilePeriods(tx, { accountId, now });
}

/**
 * A period that ended because its plan did is no reset, nor is one that was cut within its subscription's: that is told as
 * a change of the subscription.
 */
async function tellReset(
  tx: Transaction,
  { accountId, period, now }: { accountId: string; period: ClosablePeriod; now: Date },
): Promise<void> {
  const next = await usagePeriods.findPeriodAt(tx, accountId, period.periodEnd);
  if (
    next === null ||
    next.stripeSubscriptionId !== period.stripeSubscriptionId ||
    next.planId !== period.planId ||
    (await isCut(tx, period))
  )
    return;
  await insertNotice(tx, {
    accountId,
    type: "period.reset",
    dedupeKey: `period.reset.${accountId}.${period.periodEnd.toISOString()}`,
    data: {
      planId: next.planId,
      period: told({ start: next.periodStart, end: next.periodEnd }),
      endedPeriod: told({ start: period.periodStart, end: period.periodEnd }),
    },
    now,
  });
}

async function isCut(tx: Transaction, { stripeSubscriptionId, periodEnd }: ClosablePeriod): Promise<boolean> {
  if (stripeSubscriptionId === null) return false;
  const subscription = await subscriptions.findSubscription(tx, stripeSubscriptionId);
  return subscription !== null && subscription.periodStart < periodEnd && periodEnd < subscription.periodEnd;
}

const told = ({ start, end }: Period) => ({ start: start.toISOString(), end: end.toISOString() });
