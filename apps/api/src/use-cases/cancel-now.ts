import { AppError, cancelNow } from "@driftlock/contracts";
import { catalog, type Db, subscriptions } from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import type { Clock, Producer } from "@driftlock/runtime";
import { changeableSubscription } from "./account-standing.ts";
import type { ChangedSubscription, CustomerUseCases } from "./customer-use-cases.ts";
import { requireAccount } from "./require-account.ts";
import { waitUntil } from "./wait-until.ts";

const waitMs = 10_000;

interface Deps {
  db: Db;
  clock: Clock;
  producer: Producer;
  getSubscription: CustomerUseCases["getSubscription"];
}

/**
 * Ends a subscription now. The job drains and reports the usage up to this second, verifies it and cancels at Stripe
 * with a final invoice; it is waited for up to 10 s, and goes on by itself after that. @throws NO_SUBSCRIPTION.
 */
export const createCancelNow =
  ({ db, clock, producer, getSubscription }: Deps) =>
  async (accountId: string): Promise<ChangedSubscription> => {
    await requireAccount(db, accountId);
    const all = await subscriptions.listSubscriptions(db, accountId);
    const live = changeableSubscription(await catalog.listPlans(db), all);
    if (live === null) {
      throw new AppError(
        "NO_SUBSCRIPTION",
        `"${accountId}" has no paid subscription that could be cancelled.`,
      );
    }
    const { stripeSubscriptionId } = live;
    const cancelAt = new Date(Math.floor(clock.now().getTime() / 1000) * 1000).toISOString();
    await producer.add(cancelNow, { stripeSubscriptionId, cancelAt });
    const isSynced = await waitUntil(waitMs, async () => {
      const row = await subscriptions.findSubscription(db, stripeSubscriptionId);
      return row === null || !isLiveSubscription(row.status);
    });
    return { subscription: await getSubscription(accountId), isSynced };
  };
