import type { Transaction } from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { noteNewCard } from "../dunning/note-new-card.ts";
import { findAccountOf } from "./find-account.ts";
import { type ApplyContext, type ApplyOutcome, idOf, ignored, instantOf, type Syncer } from "./syncer.ts";

/** A card form that was sent: what it brought becomes the card that is charged. */
export const syncSetupIntent: Syncer = async (stripe, objectId) => {
  try {
    const intent = await stripe.setupIntents.retrieve(objectId, { expand: ["payment_method"] });
    return {
      stripeCustomerId: idOf(intent.customer),
      apply: (tx, context) => applyIntent(tx, intent, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such setup intent") };
  }
};

/** A form may lie open for long: what counts is when the card was entered. */
const enteredAt = ({ payment_method, created }: Stripe.SetupIntent): number =>
  typeof payment_method === "object" && payment_method !== null ? payment_method.created : created;

/** By the customer, or because its customer was deleted: nothing can be charged on it any more. */
const isDetached = ({ payment_method }: Stripe.SetupIntent): boolean =>
  typeof payment_method === "object" && payment_method !== null && payment_method.customer === null;

async function applyIntent(
  tx: Transaction,
  intent: Stripe.SetupIntent,
  { now }: ApplyContext,
): Promise<ApplyOutcome> {
  const stripeCustomerId = idOf(intent.customer);
  const account = await findAccountOf(tx, {
    stripeCustomerId,
    metadataAccountId: intent.metadata?.["account_id"],
  });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  const { accountId } = account;
  const paymentMethodId = idOf(intent.payment_method);
  if (intent.status === "succeeded" && paymentMethodId !== null && !isDetached(intent)) {
    await noteNewCard(tx, {
      accountId,
      paymentMethodId,
      causeId: intent.id,
      chosenAt: instantOf(enteredAt(intent)),
      now,
    });
  }
  return { outcome: "applied", accountId };
}
