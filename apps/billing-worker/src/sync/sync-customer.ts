import {
  accounts,
  checkoutSessions,
  newCards,
  paymentMethods,
  subscriptions,
  type Transaction,
} from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { noteDefaultCard, noteRenewedCard } from "../dunning/note-new-card.ts";
import { findAccountOf, linkCustomer } from "./find-account.ts";
import {
  type ApplyContext,
  type ApplyOutcome,
  type FetchedObject,
  idOf,
  ignored,
  type Syncer,
} from "./syncer.ts";

/**
 * A customer with all of its payment methods: every event about one of them leads here, so that a detached one is
 * simply no longer in the list and the default is always that of the same fetch.
 */
export const syncCustomer: Syncer = async (stripe, objectId) => {
  try {
    const customer = await stripe.customers.retrieve(objectId);
    if (customer.deleted) return goneCustomer(objectId);
    const methods: Stripe.PaymentMethod[] = [];
    for await (const method of stripe.customers.listPaymentMethods(objectId, { limit: 100 }))
      methods.push(method);
    return {
      stripeCustomerId: objectId,
      apply: (tx, context) => applyCustomer(tx, { customer, methods }, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return goneCustomer(objectId);
  }
};

const goneCustomer = (objectId: string): FetchedObject => ({
  stripeCustomerId: objectId,
  apply: (tx, context) => applyGone(tx, objectId, context),
});

async function applyCustomer(
  tx: Transaction,
  { customer, methods }: { customer: Stripe.Customer; methods: readonly Stripe.PaymentMethod[] },
  { fetchSequence, now }: ApplyContext,
): Promise<ApplyOutcome> {
  const stripeCustomerId = customer.id;
  const account = await findAccountOf(tx, {
    stripeCustomerId,
    metadataAccountId: customer.metadata["account_id"],
  });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  await linkCustomer(tx, { account, stripeCustomerId });
  const { accountId } = account;
  if (account.stripeCustomerId !== null && account.stripeCustomerId !== stripeCustomerId) {
    return ignored(`the account ${accountId} belongs to the customer ${account.stripeCustomerId}`);
  }
  const defaultId = idOf(customer.invoice_settings.default_payment_method);
  const renewed = await paymentMethods.replacePaymentMethods(tx, {
    accountId,
    fetchSequence,
    now,
    methods: methods.map(({ id, card }) => ({
      paymentMethodId: id,
      brand: card?.brand ?? null,
      last4: card?.last4 ?? null,
      expMonth: card?.exp_month ?? null,
      expYear: card?.exp_year ?? null,
      isDefault: id === defaultId,
    })),
  });
  for (const paymentMethodId of renewed) await noteRenewedCard(tx, { accountId, paymentMethodId, now });
  if (defaultId !== null)
    await noteDefaultCard(tx, { accountId, paymentMethodId: defaultId, now, of: "customer" });
  return { outcome: "applied", accountId };
}

/** Stripe ends the subscriptions of a deleted customer; the account's next checkout makes a new one. */
async function applyGone(
  tx: Transaction,
  stripeCustomerId: string,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const account = await findAccountOf(tx, { stripeCustomerId, metadataAccountId: null });
  // Untied already; that it is gone is kept, or what is late would tie it again.
  if (account === null)
    return { ...ignored(`no account for the customer ${stripeCustomerId}`), isDeleted: true };
  const { accountId } = account;
  await accounts.deleteAccountCustomer(tx, stripeCustomerId);
  await paymentMethods.replacePaymentMethods(tx, {
    accountId,
    fetchSequence: context.fetchSequence,
    now: context.now,
    methods: [],
  });
  await checkoutSessions.updateSessionsOfGoneCustomer(tx, accountId);
  // Its cards went with it: none of them can be made the default of anything.
  await newCards.updateCardsAdopted(tx, { accountId, chosenAt: null, now: context.now });
  for (const { stripeSubscriptionId, status } of await subscriptions.listSubscriptions(tx, accountId)) {
    if (!isLiveSubscription(status)) continue;
    context.markDirty({ objectId: stripeSubscriptionId, objectType: "subscription", stripeCustomerId: null });
  }
  return { outcome: "applied", accountId, isDeleted: true };
}
