import { type AdjustmentRow, usageAdjustments } from "@driftlock/db";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { resync } from "../dunning/resync.ts";
import { findItem, isLongAgo, isOf, itemOf, madeSince, metadataOf } from "./invoice-item.ts";
import type { AdjustmentDeps } from "./send-adjustment.ts";

/**
 * Bills an adjustment on an invoice of its own, once: made with nothing of the customer's pending items, given its item,
 * finalized. Below zero it becomes a credit on the customer's balance.
 */
export async function putOnOwnInvoice(deps: AdjustmentDeps, row: AdjustmentRow): Promise<void> {
  const { db, stripe, clock } = deps;
  const { adjustmentId } = row;
  const wasLongAgo = isLongAgo(row, clock.now());
  const stripeInvoiceId =
    row.stripeInvoiceId ??
    (wasLongAgo ? await findInvoice(stripe, row) : null) ??
    (await makeInvoice(stripe, row));
  await usageAdjustments.updateAdjustmentInvoice(db, { adjustmentId, stripeInvoiceId });
  const item =
    (wasLongAgo ? await findItem(stripe, row, stripeInvoiceId) : null) ??
    (await stripeCall(() =>
      stripe.invoiceItems.create(
        { ...itemOf(row), invoice: stripeInvoiceId },
        { idempotencyKey: `${adjustmentId}.own-item` },
      ),
    ));
  await finalize(stripe, adjustmentId, stripeInvoiceId);
  await usageAdjustments.updateAdjustmentSent(db, {
    adjustmentId,
    stripeInvoiceItemId: item.id,
    now: clock.now(),
  });
  await resync(deps, { objectId: stripeInvoiceId, objectType: "invoice" });
}

async function findInvoice(stripe: Stripe, row: AdjustmentRow): Promise<string | null> {
  const invoices = await stripeCall(() =>
    stripe.invoices
      .list({ customer: row.stripeCustomerId, created: madeSince(row), limit: 100 })
      .autoPagingToArray({ limit: 10_000 }),
  );
  return invoices.find((invoice) => isOf(row, invoice))?.id ?? null;
}

async function makeInvoice(stripe: Stripe, row: AdjustmentRow): Promise<string> {
  const defaultPaymentMethod = await findPaymentMethod(stripe, row);
  const invoice = await stripeCall(() =>
    stripe.invoices.create(
      {
        customer: row.stripeCustomerId,
        currency: row.currency,
        auto_advance: false,
        collection_method: "charge_automatically",
        pending_invoice_items_behavior: "exclude",
        metadata: metadataOf(row),
        ...(defaultPaymentMethod !== null && { default_payment_method: defaultPaymentMethod }),
      },
      { idempotencyKey: `${row.adjustmentId}.invoice` },
    ),
  );
  return invoice.id;
}

/** The card that the subscription was paid with, where the customer has no default one: it names it no more by itself. */
async function findPaymentMethod(stripe: Stripe, row: AdjustmentRow): Promise<string | null> {
  const customer = await stripeCall(() => stripe.customers.retrieve(row.stripeCustomerId));
  if (customer.deleted === true || customer.invoice_settings.default_payment_method !== null) return null;
  const subscription = await stripeCall(() => stripe.subscriptions.retrieve(row.stripeSubscriptionId));
  const method = subscription.default_payment_method;
  return typeof method === "string" ? method : (method?.id ?? null);
}

async function finalize(stripe: Stripe, adjustmentId: string, invoiceId: string): Promise<void> {
  const invoice = await stripeCall(() => stripe.invoices.retrieve(invoiceId));
  if (invoice.status !== "draft") return;
  await stripeCall(() =>
    stripe.invoices.finalizeInvoice(
      invoiceId,
      { auto_advance: true },
      { idempotencyKey: `${adjustmentId}.finalize` },
    ),
  );
}
