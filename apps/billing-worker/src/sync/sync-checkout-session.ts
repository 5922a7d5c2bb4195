import { checkoutSessions, type Transaction } from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { findAccountOf, linkCustomer } from "./find-account.ts";
import { type ApplyContext, type ApplyOutcome, idOf, ignored, type Syncer } from "./syncer.ts";

/** How a checkout ended; what it bought is synced as the subscription that it is. */
export const syncCheckoutSession: Syncer = async (stripe, objectId) => {
  try {
    const session = await stripe.checkout.sessions.retrieve(objectId);
    return {
      stripeCustomerId: idOf(session.customer),
      apply: (tx, context) => applySession(tx, session, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: async () => ignored("Stripe has no such checkout session") };
  }
};

async function applySession(
  tx: Transaction,
  session: Stripe.Checkout.Session,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const stripeCustomerId = idOf(session.customer);
  const account = await findAccountOf(tx, {
    stripeCustomerId,
    metadataAccountId: session.metadata?.["account_id"] ?? session.client_reference_id,
  });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  await linkCustomer(tx, { account, stripeCustomerId });
  const stripeSubscriptionId = idOf(session.subscription);
  const status = (["complete", "expired"] as const).find((ended) => ended === session.status);
  if (status !== undefined) {
    await checkoutSessions.updateSessionEnded(tx, { sessionId: session.id, status, stripeSubscriptionId });
  }
  // The card that was entered is the customer's, and the events of both may be late.
  if (stripeSubscriptionId !== null) {
    context.markDirty({ objectId: stripeSubscriptionId, objectType: "subscription", stripeCustomerId });
  }
  if (stripeCustomerId !== null && status === "complete") {
    context.markDirty({ objectId: stripeCustomerId, objectType: "customer", stripeCustomerId });
  }
  return { outcome: "applied", accountId: account.accountId };
}
