import { type StripeHint, syncStripeObject } from "@driftlock/contracts";
import { type Db, stripeEvents, stripeObjects } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { stripeApiVersion } from "@driftlock/stripe";
import { familyOf } from "./index.ts";

export interface ApplyHintsDeps {
  db: Db;
  producer: Producer;
  wallClock: Clock;
  isLive: boolean;
  log: Logger;
}

export interface GivenHint {
  hint: StripeHint;
  /** The request that brought it, which its sync is logged with. */
  requestId?: string | undefined;
}

type ObjectRef = stripeObjects.StripeObjectRef;

/**
 * Records events, each once, and in the same transaction what they say has changed: an object is marked once, however
 * many of them name it. Its sync is a job of its own; it is added for repeated events too, since the first run may have
 * died before it. One event or many: repeating the call changes nothing, and all of it is done or none.
 */
export async function applyHints(deps: ApplyHintsDeps, given: readonly GivenHint[]): Promise<void> {
  const read = given.map((each) => ({ ...each, ...readHint(each.hint, deps.isLive) }));
  const now = deps.wallClock.now();
  const recorded = await deps.db.transaction(async (tx) => {
    const events = read.map(({ hint, reason }) => ({
      ...hint,
      outcome: reason === null ? ("applied" as const) : ("ignored" as const),
      reason,
    }));
    const isNew = new Set(await stripeEvents.insertManyStripeEvents(tx, events, now));
    const changed = distinct(read.flatMap(({ hint, objects }) => (isNew.has(hint.eventId) ? objects : [])));
    if (changed.length > 0) await stripeObjects.markManyDirty(tx, changed, now);
    return isNew;
  });
  const syncs = new Map(
    read.flatMap(({ objects, requestId }) => objects.map(({ objectId }) => [objectId, requestId] as const)),
  );
  await deps.producer.addMany(
    syncStripeObject,
    [...syncs].map(([objectId, requestId]) => ({ payload: { objectId }, requestId })),
    { deduplicate: "keep-last-if-active" },
  );
  tellRecorded(
    deps.log,
    read.map(({ hint, reason }) => ({ hint, reason, isNew: recorded.has(hint.eventId) })),
  );
}

function readHint(hint: StripeHint, isLive: boolean): { objects: ObjectRef[]; reason: string | null } {
  if (hint.isLive !== isLive)
    return { objects: [], reason: `an event of ${hint.isLive ? "live" : "test"} mode` };
  const family = familyOf(hint);
  if (family === null) return { objects: [], reason: "events of this type are not acted upon" };
  const objects = family(hint);
  return { objects, reason: objects.length === 0 ? "names no object that could be ours" : null };
}

/** Each object once, with the customer that the last to know one names. */
function distinct(objects: readonly ObjectRef[]): ObjectRef[] {
  const byId = new Map<string, ObjectRef>();
  for (const object of objects) {
    const stripeCustomerId = object.stripeCustomerId ?? byId.get(object.objectId)?.stripeCustomerId ?? null;
    byId.set(object.objectId, { ...object, stripeCustomerId });
  }
  return [...byId.values()];
}

/** One line for all: in a surge they are thousands a second. */
function tellRecorded(
  log: Logger,
  told: readonly { hint: StripeHint; reason: string | null; isNew: boolean }[],
): void {
  const events = told.map(({ hint: { eventId, type, objectId }, reason, isNew }) => ({
    ...{ eventId, type, objectId, isNew, reason },
  }));
  log.info({ events }, "stripe-events.recorded");
  const others = told.flatMap(({ hint: { eventId, apiVersion } }) =>
    apiVersion === null || apiVersion === stripeApiVersion ? [] : [{ eventId, apiVersion }],
  );
  if (others.length > 0)
    log.warn({ events: others, expected: stripeApiVersion }, "stripe-events.other-version");
}
