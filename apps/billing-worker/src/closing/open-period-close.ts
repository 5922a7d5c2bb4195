import { type InvoiceRow, periodCloses, type Transaction } from "@driftlock/db";
import { closeDeadlineMs } from "@driftlock/domain";

export type ClosableInvoice = Pick<
  InvoiceRow,
  "invoiceId" | "accountId" | "stripeSubscriptionId" | "status" | "billingReason" | "lines"
>;

/**
 * Opens the close of the period that a draft bills the usage of, once; for any other invoice it does nothing. Call it
 * for every invoice that is applied. Both the renewal's draft and the last one of a subscription that was set to end are
 * such drafts. The close itself is the job close-period.
 * @returns whether a close was opened now.
 */
export async function openPeriodClose(
  tx: Transaction,
  { invoice, now }: { invoice: ClosableInvoice; now: Date },
): Promise<boolean> {
  const { invoiceId, accountId, stripeSubscriptionId } = invoice;
  if (
    invoice.status !== "draft" ||
    invoice.billingReason !== "subscription_cycle" ||
    stripeSubscriptionId === null
  )
    return false;
  // The period of the usage, not of the invoice: the licence on the same draft is for the next one.
  const metered = invoice.lines.filter((line) => line.metric !== null && !line.isProration);
  const starts = metered.map((line) => Date.parse(line.periodStart));
  const ends = metered.map((line) => Date.parse(line.periodEnd));
  if (metered.length === 0) return false;
  const periodEnd = new Date(Math.max(...ends));
  return periodCloses.insertClose(tx, {
    stripeSubscriptionId,
    periodStart: new Date(Math.min(...starts)),
    periodEnd,
    accountId,
    ending: "finalize",
    invoiceId,
    state: "claimed",
    dueAt: now,
    deadlineAt: new Date(periodEnd.getTime() + closeDeadlineMs),
    now,
  });
}
