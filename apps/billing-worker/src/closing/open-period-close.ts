import type { Transaction } from "@driftlock/db";

/** What the close needs of an invoice (the columns of `invoices`); line periods are RFC 3339, as they lie in `lines`. */
export interface ClosableInvoice {
  invoiceId: string;
  accountId: string;
  stripeSubscriptionId: string | null;
  status: string;
  billingReason: string | null;
  lines: readonly { stripePriceId: string | null; periodStart: string; periodEnd: string }[];
}

/**
 * Opens the close of the period that a draft bills the usage of, once; for any other invoice it does nothing. Call it
 * for every invoice that is applied. The close itself is the job close-period.
 * @returns whether a close was opened now.
 */
export async function openPeriodClose(
  tx: Transaction,
  { invoice, now }: { invoice: ClosableInvoice; now: Date },
): Promise<boolean> {
  throw new Error(`not written yet: ${String(tx)} ${invoice.invoiceId} ${now.toISOString()}`);
}
