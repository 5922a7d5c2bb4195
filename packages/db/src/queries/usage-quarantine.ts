import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface QuarantinedEvent {
  accountId: string | null;
  eventId: string | null;
  metric: string | null;
  /** The event, or what could not be read as events. */
  payload: unknown;
  reason: string;
  detail: string;
  receivedAt: Date | null;
}

/** Sets aside what cannot be stored: nothing that was accepted is dropped. */
export const insertQuarantined = (
  q: Queryable,
  events: readonly QuarantinedEvent[],
  now: Date,
): Promise<number> =>
  q.run(
    "usageQuarantine.insertMany",
    sql`insert into usage_quarantine (quarantined_at, account_id, event_id, metric, payload, reason, detail, received_at)
    select ${now}::timestamptz, * from unnest(${events.map(({ accountId }) => accountId)}::text[],
      ${events.map(({ eventId }) => eventId)}::text[], ${events.map(({ metric }) => metric)}::text[],
      ${events.map(({ payload }) => JSON.stringify(payload))}::jsonb[], ${events.map(({ reason }) => reason)}::text[],
      ${events.map(({ detail }) => detail)}::text[], ${events.map(({ receivedAt }) => receivedAt)}::timestamptz[])`,
  );
