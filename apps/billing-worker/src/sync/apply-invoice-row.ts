import { type InvoiceRow, invoices, type Transaction } from "@driftlock/db";
import { noteAdjustments } from "../adjustments/note-adjustments.ts";
import { openPeriodClose } from "../closing/open-period-close.ts";
import { type DunningMode, followInvoice, type SubscriptionEnd } from "../dunning/follow-invoice.ts";

/** Mirrors an invoice, with its close and its dunning; one from an earlier fetch than the mirror's does nothing. */
export async function applyInvoiceRow(
  tx: Transaction,
  given: { invoice: InvoiceRow; subscriptionEnd: SubscriptionEnd | null; mode: DunningMode; now: Date },
): Promise<void> {
  const { invoice, now } = given;
  if ((await invoices.upsertInvoice(tx, invoice)) === 0) return;
  await openPeriodClose(tx, { invoice, now });
  await noteAdjustments(tx, { invoice, now });
  await followInvoice(tx, given);
}
