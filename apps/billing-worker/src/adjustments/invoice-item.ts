import type { AdjustmentRow } from "@driftlock/db";
import { describeAdjustment } from "@driftlock/domain";
import { type Stripe, stripeCall } from "@driftlock/stripe";

const hourMs = 60 * 60 * 1000;
/** Stripe knows an idempotency key for a day; an hour is to spare. */
const keysKeptMs = 23 * hourMs;

/** Whether the first call of an adjustment is so long ago that Stripe may not know a repeat for one any more. */
export const isLongAgo = ({ firstSentAt }: AdjustmentRow, now: Date): boolean =>
  firstSentAt !== null && now.getTime() - firstSentAt.getTime() >= keysKeptMs;

/** What Stripe is told of an adjustment, wherever its item goes. */
export const itemOf = (row: AdjustmentRow) => ({
  customer: row.stripeCustomerId,
  amount: row.amountMinor,
  currency: row.currency,
  description: describeAdjustment({ ...row, quantity: row.toQuantity - row.fromQuantity }),
  discountable: false,
  period: { start: secondsOf(row.periodStart), end: secondsOf(row.periodEnd) },
  metadata: metadataOf(row),
});

/** How what was made for an adjustment is found again. */
export const metadataOf = ({ adjustmentId, accountId }: AdjustmentRow) => ({
  adjustment_id: adjustmentId,
  account_id: accountId,
});

export const isOf = (
  { adjustmentId }: AdjustmentRow,
  { metadata }: { metadata: Record<string, string> | null },
): boolean => metadata?.["adjustment_id"] === adjustmentId;

/** Nothing of an adjustment was made before: the clocks of both sides need not be the same. */
export const madeSince = ({ firstSentAt, createdAt }: AdjustmentRow) => ({
  gte: secondsOf(new Date((firstSentAt ?? createdAt).getTime() - hourMs)),
});

/** The item that was made for an adjustment, on this invoice or pending; null where there is none. */
export async function findItem(
  stripe: Stripe,
  row: AdjustmentRow,
  invoice: string | null,
): Promise<Stripe.InvoiceItem | null> {
  const items = await stripeCall(() =>
    stripe.invoiceItems
      .list({ customer: row.stripeCustomerId, created: madeSince(row), limit: 100 })
      .autoPagingToArray({ limit: 10_000 }),
  );
  const isThere = (item: Stripe.InvoiceItem) =>
    invoice === null || (typeof item.invoice === "string" ? item.invoice : item.invoice?.id) === invoice;
  return items.find((item) => isOf(row, item) && isThere(item)) ?? null;
}

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000);
