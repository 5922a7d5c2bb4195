import { AppError } from "@driftlock/contracts";
import { accounts, type PeriodCloseRow, periodCloses } from "@driftlock/db";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import { closePeriods } from "../periods/close-periods.ts";
import type { CloseDeps, CloseStep } from "./close-step.ts";
import { unlessCustomerDeleted } from "./unless-customer-deleted.ts";

/**
 * Lets Stripe bill: the invoice is finalized and charged, or the subscription cancelled with a last invoice. A draft
 * whose customer was deleted stays one for ever: the period ends all the same, and a person is told of the money.
 */
export const endClose: CloseStep = async ({ db, stripe, clock, pushLimits }, close, log) => {
  const unbilledId = await (close.ending === "finalize"
    ? finalizeInvoice(stripe, close.invoiceId)
    : cancelSubscription({ db, stripe }, close));
  const { accountId } = close;
  if (unbilledId !== null)
    log.error({ page: true, accountId, invoiceId: unbilledId }, "period-close.customer-deleted");
  const mismatch =
    unbilledId === null ? null : `Stripe bills nobody for ${unbilledId}: its customer was deleted`;
  const now = clock.now();
  await db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, accountId);
    const periods = await periodCloses.listPeriodsOfClose(tx, close);
    await closePeriods(tx, { accountId, periods, now });
    await periodCloses.updateCloseClosed(tx, close, { now, mismatch });
  });
  await pushLimits({ accountId });
  return "advanced";
};

/** @returns the invoice, where nobody is left to be billed for it. */
async function finalizeInvoice(stripe: Stripe, invoiceId: string | null): Promise<string | null> {
  if (invoiceId === null) throw new AppError("INTERNAL", "A close that ends with an invoice has none.");
  const invoice = await stripeCall(() => stripe.invoices.retrieve(invoiceId));
  if (invoice.status !== "draft") return null;
  const finalized = await unlessCustomerDeleted(stripe, invoice, () =>
    stripe.invoices.finalizeInvoice(
      invoiceId,
      { auto_advance: true },
      { idempotencyKey: `finalize-${invoiceId}` },
    ),
  );
  return finalized === null ? invoiceId : null;
}

/** No refund: what was paid ahead stays paid. A subscription that is gone already is as wanted. */
async function cancelSubscription(
  { db, stripe }: Pick<CloseDeps, "db" | "stripe">,
  { stripeSubscriptionId }: PeriodCloseRow,
): Promise<string | null> {
  const subscription = await stripeCall(() => stripe.subscriptions.retrieve(stripeSubscriptionId));
  if (["canceled", "incomplete_expired"].includes(subscription.status))
    return finalizeLast({ db, stripe }, subscription);
  try {
    await stripeCall(() =>
      stripe.subscriptions.cancel(
        stripeSubscriptionId,
        { invoice_now: true, prorate: false },
        { idempotencyKey: `cancel-${stripeSubscriptionId}` },
      ),
    );
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
  }
  return null;
}

/** Its period ended before we came to cancel it: what it used is on a draft, unless that is another close's. */
async function finalizeLast(
  { db, stripe }: Pick<CloseDeps, "db" | "stripe">,
  { latest_invoice: latest }: Stripe.Subscription,
): Promise<string | null> {
  const invoiceId = typeof latest === "string" ? latest : latest?.id;
  if (invoiceId === undefined || (await periodCloses.hasCloseOfInvoice(db, invoiceId))) return null;
  return finalizeInvoice(stripe, invoiceId);
}
