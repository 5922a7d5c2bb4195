import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface StripeEventRow {
  eventId: string;
  type: string;
  apiVersion: string | null;
  objectId: string | null;
  outcome: "applied" | "ignored";
  reason: string | null;
}

/** Remembers an event for good. @returns false, and changes nothing, when it was recorded before. */
export const insertStripeEvent = async (
  q: Queryable,
  event: StripeEventRow & { now: Date },
): Promise<boolean> => {
  const inserted = await q.run(
    "stripeEvents.insert",
    sql`insert into stripe_events (event_id, type, api_version, object_id, outcome, reason, recorded_at)
    values (${event.eventId}::text, ${event.type}::text, ${event.apiVersion}::text, ${event.objectId}::text,
      ${event.outcome}::text, ${event.reason}::text, ${event.now}::timestamptz)
    on conflict (event_id) do nothing`,
  );
  return inserted === 1;
};

/**
 * Remembers events for good. @returns the ids of those that were never recorded before. In the order of their ids, so
 * that two transactions with the same events never wait for each other.
 */
export const insertManyStripeEvents = async (
  q: Queryable,
  events: readonly StripeEventRow[],
  now: Date,
): Promise<string[]> => {
  const column = <Key extends keyof StripeEventRow>(key: Key) => events.map((event) => event[key]);
  const rows = await q.rows<{ eventId: string }>(
    "stripeEvents.insertMany",
    sql`insert into stripe_events (event_id, type, api_version, object_id, outcome, reason, recorded_at)
    select given.*, ${now}::timestamptz from unnest(${column("eventId")}::text[], ${column("type")}::text[],
      ${column("apiVersion")}::text[], ${column("objectId")}::text[], ${column("outcome")}::text[],
      ${column("reason")}::text[]) as given (event_id, type, api_version, object_id, outcome, reason)
    order by given.event_id
    on conflict (event_id) do nothing returning event_id as "eventId"`,
  );
  return rows.map((row) => row.eventId);
};

export const findStripeEvent = (q: Queryable, eventId: string): Promise<StripeEventRow | null> =>
  q.row(
    "stripeEvents.find",
    sql`select event_id as "eventId", type, api_version as "apiVersion", object_id as "objectId", outcome, reason
    from stripe_events where event_id = ${eventId}::text`,
  );

/** Those of `eventIds` that were never recorded. */
export const listUnknownStripeEvents = async (
  q: Queryable,
  eventIds: readonly string[],
): Promise<string[]> => {
  const rows = await q.rows<{ eventId: string }>(
    "stripeEvents.listUnknown",
    sql`select given.id as "eventId" from unnest(${eventIds}::text[]) as given (id)
    where not exists (select 1 from stripe_events e where e.event_id = given.id)`,
  );
  return rows.map((row) => row.eventId);
};

/** What an object's events turned out to be once it was fetched: nothing of ours. */
export const updateStripeEventsIgnored = (
  q: Queryable,
  event: { objectId: string; reason: string },
): Promise<number> =>
  q.run(
    "stripeEvents.updateIgnored",
    sql`update stripe_events set outcome = 'ignored', reason = ${event.reason}::text
    where object_id = ${event.objectId}::text and outcome = 'applied'`,
  );

export interface StripeEventSweepRow {
  /** Stripe's time: events made before it were compared. */
  sweptUntil: Date;
  /** Wall time of the last sweep that came to its end. */
  sweptAt: Date;
}

export const findStripeEventSweep = (q: Queryable): Promise<StripeEventSweepRow | null> =>
  q.row(
    "stripeEventSweeps.find",
    sql`select swept_until as "sweptUntil", swept_at as "sweptAt" from stripe_event_sweeps`,
  );

/** Moves the mark of the sweep on, never back. */
export const upsertStripeEventSweep = (q: Queryable, sweep: StripeEventSweepRow): Promise<number> =>
  q.run(
    "stripeEventSweeps.upsert",
    sql`insert into stripe_event_sweeps (swept_until, swept_at)
    values (${sweep.sweptUntil}::timestamptz, ${sweep.sweptAt}::timestamptz)
    on conflict (is_only) do update set swept_at = excluded.swept_at,
      swept_until = greatest(stripe_event_sweeps.swept_until, excluded.swept_until)`,
  );
