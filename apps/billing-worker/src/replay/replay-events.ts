import { isRetryable, type StripeHint, syncStripeObject } from "@driftlock/contracts";
import { type Db, stripeObjects } from "@driftlock/db";
import type { Clock, Logger, Random } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import { applyHints } from "../stripe-events/apply-hints.ts";
import { createSyncObject } from "../sync/sync-object.ts";

/** Events that are recorded together. */
const togetherMax = 8;
const never = new Date(8.64e15);
const dirtyMax = 1_000;

interface ReplayDeps {
  /** Of the replay alone. */
  db: Db;
  /** Reads only. */
  stripe: Stripe;
  clock: Clock;
  isLive: boolean;
  log: Logger;
}

/**
 * Records events and syncs what they name, by the code that does it for webhooks; each job of it comes between any two
 * deliveries, as `random` says. Null: one event after the other, each with all that follows from it. Objects of Stripe
 * are read and nothing else: what a job would change at Stripe is not run.
 * @returns what could not be applied, in words, by object. @throws what may be otherwise when it is tried again.
 */
export async function replayEvents(
  deps: ReplayDeps,
  hints: readonly StripeHint[],
  random: Random | null,
): Promise<Map<string, string>> {
  const { db, log } = deps;
  const wallClock = { now: () => new Date() };
  const waiting = new Set<string>();
  const failures = new Map<string, string>();
  const producer = keepSyncs(waiting);
  const syncObject = createSyncObject({
    ...deps,
    producer,
    wallClock,
    pushLimits: async () => {},
    dunningMode: "worker",
    holder: "replay",
  });
  const signal = new AbortController().signal;
  const syncNext = async (): Promise<void> => {
    const next = random === null ? [...waiting][0] : random.pick([...waiting]);
    if (next === undefined) return;
    waiting.delete(next);
    try {
      await syncObject(next, { log, signal });
    } catch (error) {
      if (isRetryable(error)) throw error;
      failures.set(next, (error as Error).message);
    }
  };
  let left = [...hints];
  while (left.length > 0 || waiting.size > 0) {
    const isSync = waiting.size > 0 && (left.length === 0 || random === null || random.below(2) === 0);
    if (isSync) {
      await syncNext();
      continue;
    }
    const together = random === null ? 1 : random.between(1, togetherMax);
    await applyHints(
      { ...deps, producer, wallClock },
      left.slice(0, together).map((hint) => ({ hint })),
    );
    left = left.slice(together);
  }
  for (const { objectId } of await stripeObjects.listDirtyStripeObjects(db, {
    markedBefore: never,
    limit: dirtyMax,
  }))
    if (!failures.has(objectId)) failures.set(objectId, "it was left to be fetched");
  return failures;
}

/** Of all jobs those that read: the others would act upon Stripe, or tell somebody. */
function keepSyncs(waiting: Set<string>): Producer {
  const add: Producer["add"] = async (job, payload) => {
    if (job.name === syncStripeObject.name) waiting.add((payload as { objectId: string }).objectId);
  };
  return {
    add,
    addMany: async (job, additions) => {
      for (const { payload } of additions) await add(job, payload);
    },
    close: async () => {},
  };
}
