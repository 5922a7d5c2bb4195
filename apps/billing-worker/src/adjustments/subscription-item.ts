import { type AdjustmentRow, usageAdjustments } from "@driftlock/db";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import { findItem, isLongAgo, itemOf } from "./invoice-item.ts";
import type { AdjustmentDeps } from "./send-adjustment.ts";

/** Puts an item where the subscription's next invoice takes it up, once. */
export async function putOnSubscription(
  { db, stripe, clock }: AdjustmentDeps,
  row: AdjustmentRow,
): Promise<void> {
  const { adjustmentId } = row;
  const found = isLongAgo(row, clock.now()) ? await findItem(stripe, row, null) : null;
  const item =
    found ??
    (await stripeCall(() =>
      stripe.invoiceItems.create(
        { ...itemOf(row), subscription: row.stripeSubscriptionId },
        { idempotencyKey: `${adjustmentId}.item` },
      ),
    ));
  const sent = { adjustmentId, stripeInvoiceItemId: item.id, now: clock.now() };
  await usageAdjustments.updateAdjustmentSent(db, sent);
}

/** Removes a pending item; one that is gone already is as wanted. @returns the invoice that it is on, if it is. */
export async function takeBackItem(stripe: Stripe, itemId: string): Promise<string | null> {
  try {
    const item = await stripeCall(() => stripe.invoiceItems.retrieve(itemId));
    if (item.invoice !== null) return typeof item.invoice === "string" ? item.invoice : item.invoice.id;
    await stripeCall(() => stripe.invoiceItems.del(itemId));
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
  }
  return null;
}
