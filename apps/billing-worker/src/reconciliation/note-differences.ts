import { syncStripeObject } from "@driftlock/contracts";
import { type Db, mirrorDifferences, stripeObjects } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { syncers } from "../sync/index.ts";

/** An object of Stripe that a walk came by, with what differs, in words. */
export interface SeenObject {
  objectId: string;
  objectType: string;
  accountId: string | null;
  difference: string | null;
}

export interface NoteDeps {
  db: Db;
  producer: Producer;
  wallClock: Clock;
  log: Logger;
}

/** What was fetched once and differs all the same. */
const looksToTell = 2;

/**
 * Keeps what differs, and has it fetched again, which mends it; forgets what differs no more. What still differs at the
 * next walk is told to a person, once.
 */
export async function noteDifferences(deps: NoteDeps, seen: readonly SeenObject[]): Promise<void> {
  const { db, producer, wallClock, log } = deps;
  const now = wallClock.now();
  await mirrorDifferences.deleteDifferences(
    db,
    seen.filter(({ difference }) => difference === null).map(({ objectId }) => objectId),
  );
  const different = seen.filter((each) => each.difference !== null);
  const unsynced = await mirrorDifferences.listUnsynced(
    db,
    different.map(({ objectId }) => objectId),
  );
  await mirrorDifferences.updateSeen(db, unsynced, now);
  for (const { difference, ...object } of different) {
    const { objectId, objectType } = object;
    if (difference === null || unsynced.includes(objectId)) continue;
    const looks = await mirrorDifferences.upsertDifference(db, { ...object, difference, now });
    if (looks === looksToTell) log.error({ page: true, ...object, difference }, "stripe-mirror.differs");
    else log.warn({ ...object, difference, looks }, "stripe-mirror.differs");
    if (syncers[objectType] === undefined) continue;
    await stripeObjects.markDirty(db, { objectId, objectType, stripeCustomerId: null, now });
    await producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
  }
}
