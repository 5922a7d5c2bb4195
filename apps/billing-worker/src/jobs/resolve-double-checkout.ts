import { resolveDoubleCheckout, subscriptionStatuses, syncStripeObject } from "@driftlock/contracts";
import { type Db, doubleCheckouts, type SubscriptionRow, stripeObjects, subscriptions } from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type JobContext, type Producer, processor } from "@driftlock/runtime/queue";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { insertNotice } from "../notices/insert-notice.ts";
import { cancelAndRefund } from "../sync/cancel-and-refund.ts";

interface ResolveDoubleCheckoutDeps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
}

/**
 * Where an account has several subscriptions that came from checkouts, the first stays; each other is cancelled and its
 * money refunded. The decision is a row before anything is done, so that whoever repeats this goes on with the same one.
 */
export const resolveDoubleCheckoutProcessor = (deps: ResolveDoubleCheckoutDeps) =>
  processor(resolveDoubleCheckout, async ({ accountId }, { log }) => {
    await decide(deps, accountId);
    for (const open of await doubleCheckouts.listOpenDoubleCheckouts(deps.db, accountId))
      await settle(deps, open, log);
  });

async function decide({ db, stripe, clock }: ResolveDoubleCheckoutDeps, accountId: string): Promise<void> {
  const mirrored = await subscriptions.listSubscriptions(db, accountId);
  const candidates = mirrored.filter(({ status }) => isLiveSubscription(status));
  if (candidates.length < 2) return;
  const bought: SubscriptionRow[] = [];
  for (const candidate of candidates) if (await isBoughtAndLive(stripe, candidate)) bought.push(candidate);
  // The list is in the order of Stripe's `created`, then of the id.
  const [kept, ...later] = bought;
  if (kept === undefined) return;
  await db.transaction(async (tx) => {
    for (const { stripeSubscriptionId } of later) {
      const { stripeSubscriptionId: keptSubscriptionId } = kept;
      const now = clock.now();
      await doubleCheckouts.insertDoubleCheckout(tx, {
        stripeSubscriptionId,
        keptSubscriptionId,
        accountId,
        now,
      });
    }
  });
}

/**
 * Asked of Stripe, since the mirror may be behind: whoever ends one subscription and buys another would else lose the
 * new one while the end of the old is on its way to us.
 */
async function isBoughtAndLive(stripe: Stripe, { stripeSubscriptionId }: SubscriptionRow): Promise<boolean> {
  const { status } = await stripeCall(() => stripe.subscriptions.retrieve(stripeSubscriptionId));
  if (!subscriptionStatuses.some((known) => known === status && isLiveSubscription(known))) return false;
  const sessions = await stripeCall(() =>
    stripe.checkout.sessions.list({ subscription: stripeSubscriptionId, limit: 1 }),
  );
  return sessions.data.length > 0;
}

async function settle(
  deps: ResolveDoubleCheckoutDeps,
  open: doubleCheckouts.DoubleCheckoutRow,
  log: JobContext["log"],
): Promise<void> {
  const { db, stripe, producer } = deps;
  const { stripeSubscriptionId, keptSubscriptionId, accountId } = open;
  const { refundedAmountMinor, currency, invoiceIds } = await stripeCall(() =>
    cancelAndRefund(stripe, stripeSubscriptionId),
  );
  const touched = [
    { objectId: stripeSubscriptionId, objectType: "subscription" },
    ...invoiceIds.map((objectId) => ({ objectId, objectType: "invoice" })),
  ];
  await db.transaction(async (tx) => {
    const now = deps.clock.now();
    await doubleCheckouts.updateDoubleCheckoutSettled(tx, {
      stripeSubscriptionId,
      refundedAmountMinor,
      currency,
      now,
    });
    const data = { subscriptionId: stripeSubscriptionId, keptSubscriptionId, refundedAmountMinor, currency };
    await insertNotice(tx, {
      accountId,
      type: "checkout.refunded",
      dedupeKey: `checkout.refunded.${stripeSubscriptionId}`,
      data,
      now,
    });
    for (const { objectId, objectType } of touched) {
      await stripeObjects.markDirty(tx, {
        objectId,
        objectType,
        stripeCustomerId: null,
        now: deps.wallClock.now(),
      });
    }
  });
  for (const { objectId } of touched)
    await producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
  log.warn(
    { accountId, stripeSubscriptionId, keptSubscriptionId, refundedAmountMinor, currency },
    "checkout.refunded",
  );
}
