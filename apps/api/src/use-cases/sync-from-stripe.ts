import { syncStripeObject } from "@driftlock/contracts";
import { type Db, stripeObjects } from "@driftlock/db";
import type { Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { waitUntil } from "./wait-until.ts";

const waitMs = 5_000;

/**
 * After we changed an object at Stripe: has it fetched and applied, and waits for that up to 5 s.
 * @returns whether the mirror shows the change; where not, it will without our doing, by the job or by the webhook.
 */
export type SyncFromStripe = (object: { objectId: string; objectType: string }) => Promise<boolean>;

interface Deps {
  db: Db;
  producer: Producer;
  log: Logger;
  wallNow: () => Date;
}

/** The mark is committed before the job is added: should the job be lost, the sweep finds the mark. */
export const createSyncFromStripe =
  ({ db, producer, log, wallNow }: Deps): SyncFromStripe =>
  async (object) => {
    const generation = await stripeObjects.markDirty(db, {
      ...object,
      stripeCustomerId: null,
      now: wallNow(),
    });
    try {
      await producer.add(
        syncStripeObject,
        { objectId: object.objectId },
        { deduplicate: "keep-last-if-active" },
      );
    } catch (err) {
      // The change stands at Stripe: refusing the request now would say the opposite.
      log.warn({ err, ...object }, "sync.not-queued");
      return false;
    }
    return waitUntil(waitMs, async () => {
      const row = await stripeObjects.findStripeObject(db, object.objectId);
      return (row?.syncedGeneration ?? 0) >= generation;
    });
  };
