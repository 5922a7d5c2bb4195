import { type InvoiceRow, type Transaction, usageAdjustments } from "@driftlock/db";

type AdjustedInvoice = Pick<InvoiceRow, "invoiceId" | "accountId" | "status" | "lines">;

/** Settles the adjustments that an invoice bills. A draft can still lose its lines. */
export async function noteAdjustments(
  tx: Transaction,
  { invoice, now }: { invoice: AdjustedInvoice; now: Date },
): Promise<void> {
  const { invoiceId, accountId, status, lines } = invoice;
  const adjustmentIds = lines.flatMap((line) => line.adjustmentId ?? []);
  if (status === "draft" || adjustmentIds.length === 0) return;
  await usageAdjustments.updateAdjustmentsInvoiced(tx, { adjustmentIds, accountId, invoiceId, now });
}
