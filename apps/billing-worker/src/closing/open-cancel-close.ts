import { AppError } from "@driftlock/contracts";
import { accounts, periodCloses, subscriptions, type Transaction } from "@driftlock/db";
import { closeDeadlineMs } from "@driftlock/domain";
import { retilePeriods } from "../periods/retile-periods.ts";

/**
 * Opens the close that ends a subscription at `cancelAt` (a whole second, not after `now`). From then on the account is
 * on its next plan, so that usage goes there; the subscription itself is cancelled once its usage was verified.
 * @returns the close, or null where the subscription has ended already.
 * @throws a retryable error while its renewal is not in the mirror yet.
 */
export async function openCancelClose(
  tx: Transaction,
  { stripeSubscriptionId, cancelAt, now }: { stripeSubscriptionId: string; cancelAt: Date; now: Date },
) {
  const subscription = await subscriptions.findSubscription(tx, stripeSubscriptionId);
  if (subscription === null)
    throw new AppError("NO_SUBSCRIPTION", `There is no subscription ${stripeSubscriptionId}.`);
  const { accountId, periodStart, periodEnd } = subscription;
  await accounts.findAccountForUpdate(tx, accountId);
  const key = { stripeSubscriptionId, periodStart };
  if (subscription.status === "canceled" || subscription.status === "incomplete_expired") return null;
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
  const close = await periodCloses.findClose(tx, key);
  if (close?.ending !== "cancel" || cancelAt >= periodEnd)
    throw new AppError("UNAVAILABLE", `The renewal of ${stripeSubscriptionId} is not known yet; try again.`);
  if (isOpened) await retilePeriods(tx, { accountId, now });
  return close;
}
