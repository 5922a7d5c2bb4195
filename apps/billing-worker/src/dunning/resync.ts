import { syncStripeObject } from "@driftlock/contracts";
import { type Db, stripeObjects } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";

/** Has an object that was changed at Stripe fetched and applied now, without waiting for its webhook. */
export async function resync(
  { db, producer, wallClock }: { db: Db; producer: Producer; wallClock: Clock },
  { objectId, objectType }: { objectId: string; objectType: "invoice" | "subscription" | "customer" },
): Promise<void> {
  const now = wallClock.now();
  await stripeObjects.markDirty(db, { objectId, objectType, stripeCustomerId: null, now });
  await producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
}
