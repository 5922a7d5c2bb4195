import { moneyBack, type Transaction } from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { tellDisputed, tellRefunded } from "../notices/tell-money-back.ts";
import { findAccountOf } from "./find-account.ts";
import {
  type ApplyContext,
  type ApplyOutcome,
  type FetchedObject,
  idOf,
  ignored,
  instantOf,
  instantOrNull,
  type Syncer,
} from "./syncer.ts";

/** A refund: what went back of the charge is mirrored and told, and the invoice that it paid is read again. */
export const syncCharge: Syncer = async (stripe, objectId) => {
  try {
    const charge = await stripe.charges.retrieve(objectId);
    return await followCharge(stripe, charge, async (tx, { accountId, invoiceId }, context) => {
      const { id: chargeId, amount: amountMinor, amount_refunded: refundedMinor, currency } = charge;
      const { fetchSequence, now } = context;
      const refund = { chargeId, accountId, invoiceId, amountMinor, refundedMinor, currency };
      if ((await moneyBack.upsertRefundedCharge(tx, { ...refund, fetchSequence })) === 0) return;
      if (refundedMinor > 0) await tellRefunded(tx, refund, now);
    });
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such charge") };
  }
};

/** A dispute: money is taken back until it is decided. It is mirrored and told, and an operator hears of it. */
export const syncDispute: Syncer = async (stripe, objectId) => {
  try {
    const dispute = await stripe.disputes.retrieve(objectId, { expand: ["charge"] });
    const { charge } = dispute;
    if (typeof charge === "string") throw new Error("Stripe did not expand the charge");
    return await followCharge(stripe, charge, async (tx, owner, { fetchSequence, now, log }) => {
      const row = {
        ...owner,
        disputeId: dispute.id,
        chargeId: charge.id,
        status: dispute.status,
        reason: dispute.reason,
        amountMinor: dispute.amount,
        currency: dispute.currency,
        evidenceDueAt: instantOrNull(dispute.evidence_details.due_by),
        openedAt: instantOf(dispute.created),
      };
      if ((await moneyBack.upsertDispute(tx, { ...row, fetchSequence })) === 0) return;
      const { disputeId, accountId, status, reason, amountMinor, currency } = row;
      const told = await tellDisputed(tx, row, now);
      if (told !== null) log.error({ disputeId, accountId, status, reason, amountMinor, currency }, told);
    });
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such dispute") };
  }
};

interface Owner {
  accountId: string;
  /** Null for a charge that paid no invoice. */
  invoiceId: string | null;
}

type Follow = (tx: Transaction, owner: Owner, context: ApplyContext) => Promise<void>;

async function followCharge(stripe: Stripe, charge: Stripe.Charge, follow: Follow): Promise<FetchedObject> {
  const stripeCustomerId = idOf(charge.customer);
  const invoiceId = await findInvoiceId(stripe, charge);
  const apply = async (tx: Transaction, context: ApplyContext): Promise<ApplyOutcome> => {
    const account = await findAccountOf(tx, { stripeCustomerId, metadataAccountId: null });
    if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
    const { accountId } = account;
    if (invoiceId !== null)
      context.markDirty({ objectId: invoiceId, objectType: "invoice", stripeCustomerId });
    await follow(tx, { accountId, invoiceId }, context);
    return { outcome: "applied", accountId };
  };
  return { stripeCustomerId, apply };
}

/** A charge no longer names its invoice: the way leads over the payments of invoices. */
async function findInvoiceId(stripe: Stripe, charge: Stripe.Charge): Promise<string | null> {
  const paymentIntentId = idOf(charge.payment_intent);
  if (paymentIntentId === null) return null;
  const { data } = await stripe.invoicePayments.list({
    payment: { type: "payment_intent", payment_intent: paymentIntentId },
    limit: 1,
  });
  return idOf(data[0]?.invoice);
}
