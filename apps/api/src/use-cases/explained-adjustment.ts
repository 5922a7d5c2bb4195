import type { usageExplanations } from "@driftlock/db";

/** Renders what was billed apart from a period's line. */
export const toExplainedAdjustment = (row: usageExplanations.ExplainedAdjustmentRow) => ({
  id: row.adjustmentId,
  fromQuantity: row.fromQuantity,
  toQuantity: row.toQuantity,
  amountMinor: row.amountMinor,
  reason: row.reason,
  state: row.state,
  invoiceId: row.stripeInvoiceId,
});
