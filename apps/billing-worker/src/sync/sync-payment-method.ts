import type { Transaction } from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { noteNewCard } from "../dunning/note-new-card.ts";
import { findAccountOf } from "./find-account.ts";
import { type ApplyContext, type ApplyOutcome, idOf, ignored, instantOf, type Syncer } from "./syncer.ts";

/** A payment method that was attached: a card that the customer entered. The mirror itself comes with the customer. */
export const syncPaymentMethod: Syncer = async (stripe, objectId) => {
  try {
    const method = await stripe.paymentMethods.retrieve(objectId);
    return {
      stripeCustomerId: idOf(method.customer),
      apply: (tx, context) => applyAttached(tx, method, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such payment method") };
  }
};

async function applyAttached(
  tx: Transaction,
  method: Stripe.PaymentMethod,
  { now }: ApplyContext,
): Promise<ApplyOutcome> {
  const stripeCustomerId = idOf(method.customer);
  if (stripeCustomerId === null) return ignored("the payment method was detached in the meantime");
  const account = await findAccountOf(tx, { stripeCustomerId, metadataAccountId: null });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  const { accountId } = account;
  const chosenAt = instantOf(method.created);
  await noteNewCard(tx, { accountId, paymentMethodId: method.id, causeId: method.id, chosenAt, now });
  return { outcome: "applied", accountId };
}
