import { AppError } from "@driftlock/contracts";
import {
  accounts,
  type PeriodCloseRow,
  periodCloses,
  subscriptions,
  type Transaction,
  usagePeriods,
} from "@driftlock/db";
import { closeDeadlineMs, isLiveSubscription } from "@driftlock/domain";
import { retilePeriods } from "../periods/retile-periods.ts";

/**
 * Opens the close that ends a subscription at `cancelAt` (a whole second, not after `now`). From then on the account is
 * on its next plan, so that usage goes there; the subscription itself is cancelled once its usage was verified.
 * @returns the close, or null where the subscription has ended already, or ends by itself with its period: what was used
 * is then on the draft that Stripe makes.
 */
export async function openCancelClose(
  tx: Transaction,
  { stripeSubscriptionId, cancelAt, now }: { stripeSubscriptionId: string; cancelAt: Date; now: Date },
): Promise<PeriodCloseRow | null> {
  const subscription = await subscriptions.findSubscription(tx, stripeSubscriptionId);
  if (subscription === null)
    throw new AppError("NO_SUBSCRIPTION", `There is no subscription ${stripeSubscriptionId}.`);
  const { accountId, periodEnd } = subscription;
  await accounts.findAccountForUpdate(tx, accountId);
  if (!isLiveSubscription(subscription.status) || cancelAt >= periodEnd) return null;
  const periodStart = await findSegmentStart(tx, { ...subscription, cancelAt });
  const key = { stripeSubscriptionId, periodStart };
  const isOpened = await periodCloses.insertClose(tx, {
    ...key,
    // Cancelled in the very second that it began, a period still has one.
    periodEnd: cancelAt > periodStart ? cancelAt : new Date(periodStart.getTime() + 1000),
    accountId,
    ending: "cancel",
    invoiceId: null,
    state: "draining",
    dueAt: cancelAt,
    deadlineAt: new Date(cancelAt.getTime() + closeDeadlineMs),
    now,
  });
  if (isOpened) await retilePeriods(tx, { accountId, now });
  const close = await periodCloses.findClose(tx, key);
  return close?.ending === "cancel" ? close : null;
}

/** Where the row that is to be closed begins: later than its period where the plan has changed in it. */
async function findSegmentStart(
  tx: Transaction,
  {
    accountId,
    stripeSubscriptionId,
    periodStart,
    cancelAt,
  }: { accountId: string; stripeSubscriptionId: string; periodStart: Date; cancelAt: Date },
): Promise<Date> {
  const lastAt = new Date(Math.max(cancelAt.getTime() - 1, periodStart.getTime()));
  const row = await usagePeriods.findPeriodAt(tx, accountId, lastAt);
  return row?.stripeSubscriptionId === stripeSubscriptionId && row.periodStart > periodStart
    ? row.periodStart
    : periodStart;
}
