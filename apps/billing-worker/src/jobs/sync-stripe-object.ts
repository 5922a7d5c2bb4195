import { isRetryable, resolveDoubleCheckout, syncStripeObject } from "@driftlock/contracts";
import { type Db, stripeObjects, subscriptions } from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import { type Producer, processor } from "@driftlock/runtime/queue";
import type { SyncObject } from "../sync/sync-object.ts";

interface SyncStripeObjectDeps {
  db: Db;
  producer: Producer;
  syncObject: SyncObject;
}

/** Syncs one object; what cannot be mended by trying again is written beside it, where the job fails for good. */
export const syncStripeObjectProcessor = (deps: SyncStripeObjectDeps) =>
  processor(syncStripeObject, async ({ objectId }, context) => {
    try {
      const accountId = await deps.syncObject(objectId, context);
      if (accountId !== null) await lookForDoubleCheckout(deps, accountId);
    } catch (error) {
      if (!isRetryable(error)) {
        await stripeObjects.updateStripeObjectFailure(deps.db, { objectId, failure: String(error) });
      }
      throw error;
    }
  });

/** Also for an object that was in line already: the run that synced it may have died before it came to this. */
async function lookForDoubleCheckout(
  { db, producer }: SyncStripeObjectDeps,
  accountId: string,
): Promise<void> {
  const all = await subscriptions.listSubscriptions(db, accountId);
  if (all.filter(({ status }) => isLiveSubscription(status)).length < 2) return;
  await producer.add(resolveDoubleCheckout, { accountId }, { deduplicate: "keep-last-if-active" });
}
