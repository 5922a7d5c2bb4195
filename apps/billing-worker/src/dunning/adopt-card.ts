import { accounts, type Db, dunningCases, newCards, subscriptions } from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { JobContext, Producer } from "@driftlock/runtime/queue";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import { resync } from "./resync.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  clock: Clock;
  wallClock: Clock;
}

export type AdoptCard = (accountId: string, context: Pick<JobContext, "log">) => Promise<void>;

/**
 * Makes the card that the customer entered last the default of the customer and of each of its subscriptions (Stripe
 * looks there first, so a new default of the customer alone would leave the old card charged), and then has what is open
 * tried with it at once.
 */
export function createAdoptCard(deps: Deps): AdoptCard {
  return async (accountId, { log }) => {
    const { db, clock } = deps;
    const card = await newCards.findCardToAdopt(db, accountId);
    const now = clock.now();
    if (card === null)
      return void (await newCards.updateCardsAdopted(db, { accountId, chosenAt: null, now }));
    const stripeCustomerId = (await accounts.findAccount(db, accountId))?.stripeCustomerId ?? null;
    if (stripeCustomerId === null) return; // its customer is not mirrored yet: due again in a moment
    const { paymentMethodId, chosenAt } = card;
    const isThere = await makeDefault(deps, { accountId, stripeCustomerId, card });
    await db.transaction(async (tx) => {
      await newCards.updateCardsAdopted(tx, { accountId, chosenAt, now });
      if (isThere) await dunningCases.updateCasesNewCard(tx, { accountId, paymentMethodId, now });
    });
    log.info({ accountId, paymentMethodId, isThere }, "card.adopted");
  };
}

interface Wanted {
  accountId: string;
  stripeCustomerId: string;
  card: newCards.NewCardRow;
}

/** @returns false where the card was detached meanwhile, or belongs to somebody else. */
async function makeDefault(deps: Deps, { accountId, stripeCustomerId, card }: Wanted): Promise<boolean> {
  const { db, stripe } = deps;
  const default_payment_method = card.paymentMethodId;
  const key = (objectId: string) => ({ idempotencyKey: `adopt-${card.causeId}-${objectId}` });
  const method = await stripeCall(() => stripe.paymentMethods.retrieve(card.paymentMethodId)).catch(
    (error: unknown) => {
      if (isResourceMissing(error)) return null;
      throw error;
    },
  );
  if (method?.customer !== stripeCustomerId) return false;
  await stripeCall(() =>
    stripe.customers.update(
      stripeCustomerId,
      { invoice_settings: { default_payment_method } },
      key(stripeCustomerId),
    ),
  );
  await resync(deps, { objectId: stripeCustomerId, objectType: "customer" });
  for (const { stripeSubscriptionId, status } of await subscriptions.listSubscriptions(db, accountId)) {
    if (!isLiveSubscription(status)) continue;
    await stripeCall(() =>
      stripe.subscriptions.update(
        stripeSubscriptionId,
        { default_payment_method },
        key(stripeSubscriptionId),
      ),
    );
    await resync(deps, { objectId: stripeSubscriptionId, objectType: "subscription" });
  }
  return true;
}
