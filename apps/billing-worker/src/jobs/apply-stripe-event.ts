import {
  applyStripeEvent,
  handledThinEventTypes,
  type StripeHint,
  syncStripeObject,
} from "@driftlock/contracts";
import { type Db, stripeEvents, stripeObjects, usageQuarantine } from "@driftlock/db";
import { type Clock, type JobContext, type Producer, processor } from "@driftlock/runtime";
import { type Stripe, stripeApiVersion } from "@driftlock/stripe";
import { familyOf } from "../stripe-events/index.ts";
import { fetchRefusedReports } from "../stripe-events/meter-events.ts";

interface ApplyStripeEventDeps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  wallClock: Clock;
  isLive: boolean;
}

/**
 * Records an event once, and in the same transaction what it says has changed. The sync is a job of its own; it is
 * added for a repeated event too, since the first run may have died before it.
 */
export const applyStripeEventProcessor = (deps: ApplyStripeEventDeps) =>
  processor(applyStripeEvent, async (hint, { log, requestId }) => {
    if (handledThinEventTypes.some((type) => type === hint.type))
      return setAsideRefusedReports(deps, hint, log);
    const { objects, reason } = readHint(hint, deps.isLive);
    if (hint.apiVersion !== null && hint.apiVersion !== stripeApiVersion) {
      log.warn(
        { eventId: hint.eventId, apiVersion: hint.apiVersion, expected: stripeApiVersion },
        "stripe-event.other-version",
      );
    }
    const now = deps.wallClock.now();
    const isNew = await deps.db.transaction(async (tx) => {
      const inserted = await stripeEvents.insertStripeEvent(tx, {
        ...hint,
        outcome: reason === null ? "applied" : "ignored",
        reason,
        now,
      });
      if (inserted) for (const object of objects) await stripeObjects.markDirty(tx, { ...object, now });
      return inserted;
    });
    for (const { objectId } of objects) {
      await deps.producer.add(
        syncStripeObject,
        { objectId },
        { deduplicate: "keep-last-if-active", ...(requestId !== undefined && { requestId }) },
      );
    }
    log.info(
      { eventId: hint.eventId, type: hint.type, objectId: hint.objectId, isNew, reason },
      "stripe-event.recorded",
    );
  });

function readHint(
  hint: StripeHint,
  isLive: boolean,
): { objects: stripeObjects.StripeObjectRef[]; reason: string | null } {
  if (hint.isLive !== isLive)
    return { objects: [], reason: `an event of ${hint.isLive ? "live" : "test"} mode` };
  const family = familyOf(hint);
  if (family === null) return { objects: [], reason: "events of this type are not acted upon" };
  // In the order of their ids, so that two transactions that mark the same objects never wait for each other.
  const objects = family(hint).toSorted((a, b) => (a.objectId < b.objectId ? -1 : 1));
  return { objects, reason: objects.length === 0 ? "names no object that could be ours" : null };
}

async function setAsideRefusedReports(
  deps: ApplyStripeEventDeps,
  hint: StripeHint,
  log: JobContext["log"],
): Promise<void> {
  if ((await stripeEvents.findStripeEvent(deps.db, hint.eventId)) !== null) return;
  const refused = await fetchRefusedReports(deps, hint);
  const now = deps.wallClock.now();
  await deps.db.transaction(async (tx) => {
    if (!(await stripeEvents.insertStripeEvent(tx, { ...hint, outcome: "applied", reason: null, now })))
      return;
    await usageQuarantine.insertQuarantined(tx, refused, now);
  });
  const { eventId, type, objectId: meterId } = hint;
  log.error(
    {
      eventId,
      type,
      meterId,
      refused: refused.map(({ reason, detail, eventId: identifier }) => ({ reason, detail, identifier })),
    },
    "usage-report.refused",
  );
}
