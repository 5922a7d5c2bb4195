import { AppError } from "@driftlock/contracts";
import { accounts, type PeriodCloseRow, periodCloses } from "@driftlock/db";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import { closePeriods } from "../periods/close-periods.ts";
import type { CloseDeps, CloseStep } from "./close-step.ts";

/** Lets Stripe bill: the invoice is finalized and charged, or the subscription cancelled with a last invoice. */
export const endClose: CloseStep = async ({ db, stripe, clock, pushLimits }, close) => {
  await (close.ending === "finalize"
    ? finalizeInvoice(stripe, close.invoiceId)
    : cancelSubscription({ db, stripe }, close));
  const { accountId } = close;
  const now = clock.now();
  await db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, accountId);
    const periods = await periodCloses.listPeriodsOfClose(tx, close);
    await closePeriods(tx, { accountId, periods, now });
    await periodCloses.updateCloseClosed(tx, close, now);
  });
  await pushLimits({ accountId });
  return "advanced";
};

async function finalizeInvoice(stripe: Stripe, invoiceId: string | null): Promise<void> {
  if (invoiceId === null) throw new AppError("INTERNAL", "A close that ends with an invoice has none.");
  const invoice = await stripeCall(() => stripe.invoices.retrieve(invoiceId));
  if (invoice.status !== "draft") return;
  await stripeCall(() =>
    stripe.invoices.finalizeInvoice(
      invoiceId,
      { auto_advance: true },
      { idempotencyKey: `finalize-${invoiceId}` },
    ),
  );
}

/** No refund: what was paid ahead stays paid. A subscription that is gone already is as wanted. */
async function cancelSubscription(
  { db, stripe }: Pick<CloseDeps, "db" | "stripe">,
  { stripeSubscriptionId }: PeriodCloseRow,
): Promise<void> {
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
}

/** Its period ended before we came to cancel it: what it used is on a draft, unless that is another close's. */
async function finalizeLast(
  { db, stripe }: Pick<CloseDeps, "db" | "stripe">,
  { latest_invoice: latest }: Stripe.Subscription,
): Promise<void> {
  const invoiceId = typeof latest === "string" ? latest : latest?.id;
  if (invoiceId === undefined || (await periodCloses.hasCloseOfInvoice(db, invoiceId))) return;
  await finalizeInvoice(stripe, invoiceId);
}
