import {
  applyStripeEvent,
  handledStripeEventTypes,
  handledThinEventTypes,
  resolveDoubleCheckout,
  sweepStripeEvents,
  syncStripeObject,
} from "@driftlock/contracts";
import {
  type Db,
  doubleCheckouts,
  installation,
  stripeEvents,
  stripeObjects,
  subscriptions,
} from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { type Producer, processor } from "@driftlock/runtime/queue";
import { readWebhook, type Stripe, stripeCall, stripeHintOf } from "@driftlock/stripe";

/** How long Stripe lists events (STRIPE.md 3). */
const reachBackMs = 30 * 24 * 60 * 60 * 1000;
/** An event is listed a little after its `created`, and its delivery may still be on its way. */
const overlapMs = 15 * 60 * 1000;
/** Stripe takes no more types than this in one list. */
const typesMax = 20;
const dirtyForMs = 60 * 1000;
const dirtyMax = 1_000;

interface SweepDeps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  /** Stripe's time: `created` of events is business time. */
  clock: Clock;
  wallClock: Clock;
}

/** What never arrived: events that Stripe lists and we have not recorded, dirty objects and double checkouts whose job was lost. */
export const sweepStripeEventsProcessor = (deps: SweepDeps) =>
  processor(sweepStripeEvents, async (_payload, { log, signal }) => {
    const missedCount = await sweepEvents(deps, signal);
    const dirty = await stripeObjects.listDirtyStripeObjects(deps.db, {
      markedBefore: new Date(deps.wallClock.now().getTime() - dirtyForMs),
      limit: dirtyMax,
    });
    for (const { objectId } of dirty) {
      await deps.producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
    }
    const doubled = new Set([
      ...(await subscriptions.listAccountsWithSeveralSubscriptions(deps.db)),
      ...(await doubleCheckouts.listAccountsWithOpenDoubleCheckouts(deps.db)),
    ]);
    for (const accountId of doubled) {
      await deps.producer.add(resolveDoubleCheckout, { accountId }, { deduplicate: "keep-last-if-active" });
    }
    log.info({ missedCount, dirtyCount: dirty.length, doubledCount: doubled.size }, "stripe-events.swept");
  });

/** @returns how many events were found that had never arrived. */
async function sweepEvents(deps: SweepDeps, signal: AbortSignal): Promise<number> {
  const now = deps.clock.now();
  const since = await findStart(deps.db, now);
  if (since === null) return 0;
  const missed: Missed[] = [];
  for (let from = 0; from < handledStripeEventTypes.length; from += typesMax) {
    const types = handledStripeEventTypes.slice(from, from + typesMax);
    missed.push(...(await sweepTypes(deps, { types, since, signal })));
  }
  missed.push(...(await sweepThinEvents(deps, since)));
  // Only now: a sweep that broke off is done again from its start. And no further than to what was missed: its job can be
  // lost with Redis, and the next sweep sees whether it is recorded.
  const sweptUntil = missed.map(({ createdAt }) => createdAt).reduce((a, b) => (a < b ? a : b), now);
  await stripeEvents.upsertStripeEventSweep(deps.db, { sweptUntil, sweptAt: deps.wallClock.now() });
  return missed.length;
}

async function findStart(db: Db, now: Date): Promise<Date | null> {
  const sweep = await stripeEvents.findStripeEventSweep(db);
  const began = sweep?.sweptUntil ?? (await installation.findInstallation(db))?.createdAt;
  if (began === undefined) return null;
  return new Date(Math.max(began.getTime() - overlapMs, now.getTime() - reachBackMs));
}

async function sweepTypes(
  { db, stripe, producer }: SweepDeps,
  { types, since, signal }: { types: string[]; since: Date; signal: AbortSignal },
): Promise<Missed[]> {
  const missed: Missed[] = [];
  let after: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const page = await stripeCall(() =>
      stripe.events.list({
        types,
        created: { gte: Math.floor(since.getTime() / 1000) },
        limit: 100,
        ...(after !== undefined && { starting_after: after }),
      }),
    );
    missed.push(...(await addMissed({ db, producer }, page.data)));
    after = page.data.at(-1)?.id;
    if (!page.has_more || after === undefined) return missed;
  }
}

/** Few, and in no promised order: all that Stripe still lists. */
async function sweepThinEvents({ db, stripe, producer }: SweepDeps, since: Date): Promise<Missed[]> {
  const found: Stripe.V2.Core.Event[] = [];
  await stripeCall(async () => {
    for await (const event of stripe.v2.core.events.list({ types: [...handledThinEventTypes], limit: 100 })) {
      const isHandled = handledThinEventTypes.some((type) => type === event.type);
      if (isHandled && new Date(event.created) >= since) found.push(event);
    }
  });
  return addMissed({ db, producer }, found);
}

interface Missed {
  createdAt: Date;
}

async function addMissed(
  { db, producer }: Pick<SweepDeps, "db" | "producer">,
  events: readonly { id: string; created: number | string }[],
): Promise<Missed[]> {
  const ids = events.map(({ id }) => id);
  const unknown = new Set(await stripeEvents.listUnknownStripeEvents(db, ids));
  const missed = events.filter(({ id }) => unknown.has(id));
  for (const event of missed) await producer.add(applyStripeEvent, stripeHintOf(readWebhook(event)));
  // Unix seconds of a snapshot event, an instant in words of a thin one.
  return missed.map(({ created }) => ({
    createdAt: new Date(typeof created === "number" ? created * 1000 : created),
  }));
}
