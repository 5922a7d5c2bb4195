import type { Transaction } from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { findAccountOf } from "./find-account.ts";
import { type ApplyContext, type ApplyOutcome, idOf, ignored, type Syncer } from "./syncer.ts";

/** A refund: the invoice that the charge paid is read again. */
export const syncCharge: Syncer = async (stripe, objectId) => {
  try {
    return await followCharge(stripe, await stripe.charges.retrieve(objectId));
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such charge") };
  }
};

/** A dispute: money is taken back until it is decided, so an operator hears of it. */
export const syncDispute: Syncer = async (stripe, objectId) => {
  try {
    const dispute = await stripe.disputes.retrieve(objectId, { expand: ["charge"] });
    if (typeof dispute.charge === "string") throw new Error("Stripe did not expand the charge");
    const followed = await followCharge(stripe, dispute.charge);
    return {
      ...followed,
      apply: (tx, context) => {
        const { id: disputeId, status, reason, amount: amountMinor, currency } = dispute;
        context.log.error({ disputeId, status, reason, amountMinor, currency }, "charge.disputed");
        return followed.apply(tx, context);
      },
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such dispute") };
  }
};

async function followCharge(stripe: Stripe, charge: Stripe.Charge) {
  const stripeCustomerId = idOf(charge.customer);
  const invoiceId = await findInvoiceId(stripe, charge);
  const apply = async (tx: Transaction, context: ApplyContext): Promise<ApplyOutcome> => {
    const account = await findAccountOf(tx, { stripeCustomerId, metadataAccountId: null });
    if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
    if (invoiceId !== null)
      context.markDirty({ objectId: invoiceId, objectType: "invoice", stripeCustomerId });
    return { outcome: "applied", accountId: account.accountId };
  };
  return { stripeCustomerId, apply };
}

/** A charge no longer names its invoice: the way leads over the payments of invoices (STRIPE.md 1.2). */
async function findInvoiceId(stripe: Stripe, charge: Stripe.Charge): Promise<string | null> {
  const paymentIntentId = idOf(charge.payment_intent);
  if (paymentIntentId === null) return null;
  const { data } = await stripe.invoicePayments.list({
    payment: { type: "payment_intent", payment_intent: paymentIntentId },
    limit: 1,
  });
  return idOf(data[0]?.invoice);
}
