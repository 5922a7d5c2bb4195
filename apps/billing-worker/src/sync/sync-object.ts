import { AppError, syncStripeObject } from "@driftlock/contracts";
import {
  catalog,
  type Db,
  stripeCustomerLeases,
  stripeEvents,
  stripeObjects,
  type Transaction,
} from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { JobContext, Producer } from "@driftlock/runtime/queue";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import type { DunningMode } from "../dunning/follow-invoice.ts";
import type { PushLimits } from "../periods/push-limits.ts";
import { type HeldLease, withCustomerLease } from "./customer-lease.ts";
import { syncers } from "./index.ts";
import type { ApplyContext, ApplyOutcome, FetchedObject } from "./syncer.ts";

export interface SyncDeps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
  pushLimits: PushLimits;
  dunningMode: DunningMode;
  /** Names this process among the holders of leases. */
  holder: string;
}

/** An object that changes all the time goes back to the end of the line after so many: others wait too. */
const fetchesMax = 3;

/**
 * Whose object it was, once it is in line with Stripe, or a later run is to bring what has come meanwhile; null where it
 * is none of ours.
 */
export type SyncObject = (
  objectId: string,
  context: Pick<JobContext, "log" | "signal">,
) => Promise<string | null>;

/**
 * Brings the mirror of an object in line with Stripe: under the lease of its customer a fetch sequence is taken, the
 * object fetched, and applied in one transaction that checks lease and sequence. A hint that was recorded after the
 * fetch began leaves the object dirty, and it is fetched again.
 */
export function createSyncObject(deps: SyncDeps): SyncObject {
  return async (objectId, context) => {
    for (let fetches = 0; ; fetches += 1) {
      const object = await stripeObjects.findStripeObject(deps.db, objectId);
      if (object === null) return null;
      if (object.syncedGeneration >= object.generation) return object.accountId;
      if (fetches === fetchesMax) {
        await deps.producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
        return object.accountId;
      }
      const leaseKey = object.stripeCustomerId ?? object.objectId;
      await withCustomerLease(
        { db: deps.db, holder: deps.holder, signal: context.signal },
        leaseKey,
        (lease) => syncUnderLease(deps, { objectId, lease }, context),
      );
    }
  };
}

async function syncUnderLease(
  deps: SyncDeps,
  { objectId, lease }: { objectId: string; lease: HeldLease },
  { log, signal }: Pick<JobContext, "log" | "signal">,
): Promise<void> {
  const { db } = deps;
  // Read under the lease and before the request: what is hinted at from here on needs another fetch.
  const object = await stripeObjects.findStripeObject(db, objectId);
  if (object === null || object.syncedGeneration >= object.generation) return;
  const syncer = syncers[object.objectType];
  if (syncer === undefined)
    throw new AppError("INVALID", `Objects of the type "${object.objectType}" are not synced.`);
  const fetchSequence = await stripeObjects.nextFetchSequence(db);
  const fetched = await stripeCall(() => syncer(deps.stripe, objectId));
  signal.throwIfAborted();
  const owner = fetched.stripeCustomerId;
  if (owner !== null && owner !== lease.stripeCustomerId) {
    // Fetched under the wrong lease: remembered, and fetched again under the right one.
    await stripeObjects.updateStripeObjectCustomer(db, { objectId, stripeCustomerId: owner });
    return;
  }
  const applied = await applyFetched(deps, { object, lease, fetchSequence, fetched, log });
  log.info(
    { objectId, objectType: object.objectType, fetchSequence, ...applied.result },
    "stripe-object.synced",
  );
  await afterCommit(deps, applied, log);
}

interface Application {
  object: stripeObjects.StripeObjectRow;
  lease: HeldLease;
  fetchSequence: number;
  fetched: FetchedObject;
  log: JobContext["log"];
}

interface Applied {
  result: ApplyOutcome;
  marked: readonly string[];
}

async function applyFetched(deps: SyncDeps, application: Application): Promise<Applied> {
  const { object, lease, fetchSequence, fetched, log } = application;
  const plans = await catalog.listPlans(deps.db);
  return deps.db.transaction(async (tx) => {
    if (!(await stripeCustomerLeases.isLeaseHeld(tx, lease))) {
      throw new AppError(
        "UNAVAILABLE",
        `The lease of ${lease.stripeCustomerId} was taken over during the fetch.`,
      );
    }
    const marks: stripeObjects.StripeObjectRef[] = [];
    const context: ApplyContext = {
      now: deps.clock.now(),
      fetchSequence,
      plans,
      dunningMode: deps.dunningMode,
      log,
      markDirty: (other) => void marks.push(other),
    };
    const result = await fetched.apply(tx, context);
    const { objectId } = object;
    if (result.outcome === "ignored")
      await stripeEvents.updateStripeEventsIgnored(tx, { objectId, reason: result.reason });
    await markAll(tx, marks, deps.wallClock.now());
    const updated = await stripeObjects.updateStripeObjectSynced(tx, {
      objectId,
      accountId: result.outcome === "applied" ? result.accountId : null,
      stripeCustomerId: fetched.stripeCustomerId,
      fetchSequence,
      generation: object.generation,
      isDeleted: result.isDeleted === true,
      now: deps.wallClock.now(),
    });
    if (updated === 0) throw new AppError("UNAVAILABLE", `A later fetch of ${objectId} was applied already.`);
    return { result, marked: marks.map((mark) => mark.objectId) };
  });
}

/** In the order of their ids, so that two transactions that mark the same objects never wait for each other. */
async function markAll(tx: Transaction, marks: stripeObjects.StripeObjectRef[], now: Date): Promise<void> {
  for (const mark of marks.toSorted((a, b) => (a.objectId < b.objectId ? -1 : 1))) {
    await stripeObjects.markDirty(tx, { ...mark, now });
  }
}

/** What is lost here when the process dies is found again: limits and dirty objects are swept. */
async function afterCommit(
  deps: SyncDeps,
  { result, marked }: Applied,
  log: JobContext["log"],
): Promise<void> {
  for (const objectId of marked) {
    await deps.producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
  }
  if (result.outcome === "ignored") return;
  await deps
    .pushLimits({ accountId: result.accountId })
    .catch((err: unknown) => log.warn({ err }, "limits.push-failed"));
}
