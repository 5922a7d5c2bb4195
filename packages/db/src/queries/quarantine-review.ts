import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** An event that was set aside, as an operator sees it. */
export interface QuarantineRow {
  quarantineId: number;
  accountId: string | null;
  eventId: string | null;
  metric: string | null;
  payload: unknown;
  reason: string;
  detail: string;
  receivedAt: Date | null;
  quarantinedAt: Date;
  replayingAt: Date | null;
  replayedAt: Date | null;
  discardedAt: Date | null;
}

const columns = `quarantine_id as "quarantineId", account_id as "accountId", event_id as "eventId", metric, payload, reason,
  detail, received_at as "receivedAt", quarantined_at as "quarantinedAt", replaying_at as "replayingAt",
  replayed_at as "replayedAt", discarded_at as "discardedAt"`;

export type QuarantineState = "open" | "replayed" | "discarded";

/** What was set aside, the newest first; of one account, reason or state, where given. */
export const listQuarantined = (
  q: Queryable,
  page: {
    accountId: string | null;
    reason: string | null;
    state: QuarantineState | null;
    limit: number;
    after: { at: Date; id: string } | null;
  },
): Promise<QuarantineRow[]> =>
  q.rows("usageQuarantine.list", {
    text: `select ${columns} from usage_quarantine
      where ($1::text is null or account_id = $1::text) and ($2::text is null or reason = $2::text)
        and ($3::text is null or case when discarded_at is not null then 'discarded'
          when replayed_at is not null then 'replayed' else 'open' end = $3::text)
        and ($4::timestamptz is null or (quarantined_at, quarantine_id) < ($4::timestamptz, $5::bigint))
      order by quarantined_at desc, quarantine_id desc limit $6::int`,
    values: [
      page.accountId,
      page.reason,
      page.state,
      page.after?.at ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  });

/** Those that are open of these, in the order in which they were set aside. */
export const listOpenQuarantined = (q: Queryable, ids: readonly number[]): Promise<QuarantineRow[]> =>
  q.rows("usageQuarantine.listOpen", {
    text: `select ${columns} from usage_quarantine where quarantine_id = any($1::bigint[])
      and replayed_at is null and discarded_at is null order by quarantined_at, quarantine_id`,
    values: [ids],
  });

export const findQuarantinedForUpdate = (q: Queryable, quarantineId: number): Promise<QuarantineRow | null> =>
  q.row("usageQuarantine.findForUpdate", {
    text: `select ${columns} from usage_quarantine where quarantine_id = $1::bigint for update`,
    values: [quarantineId],
  });

/** An event is about to go in again, from here on as often as it takes. */
export const updateQuarantineReplaying = (q: Queryable, quarantineId: number, now: Date): Promise<number> =>
  q.run(
    "usageQuarantine.updateReplaying",
    sql`update usage_quarantine set replaying_at = ${now}::timestamptz where quarantine_id = ${quarantineId}::bigint`,
  );

/** It was refused: it is where it was. */
export const updateQuarantineRefused = (q: Queryable, quarantineId: number): Promise<number> =>
  q.run(
    "usageQuarantine.updateRefused",
    sql`update usage_quarantine set replaying_at = null
    where quarantine_id = ${quarantineId}::bigint and replayed_at is null`,
  );

export const updateQuarantineReplayed = (q: Queryable, quarantineId: number, now: Date): Promise<number> =>
  q.run(
    "usageQuarantine.updateReplayed",
    sql`update usage_quarantine set replayed_at = ${now}::timestamptz
    where quarantine_id = ${quarantineId}::bigint and replayed_at is null and discarded_at is null`,
  );

export const updateQuarantineDiscarded = (q: Queryable, quarantineId: number, now: Date): Promise<number> =>
  q.run(
    "usageQuarantine.updateDiscarded",
    sql`update usage_quarantine set discarded_at = ${now}::timestamptz, replaying_at = null
    where quarantine_id = ${quarantineId}::bigint and replayed_at is null and discarded_at is null`,
  );

/** Which of these late events an operator has let in. */
export const listReleased = (
  q: Queryable,
  events: readonly { accountId: string; id: string }[],
): Promise<{ accountId: string; id: string }[]> =>
  q.rows(
    "usageQuarantine.listReleased",
    sql`select distinct u.account_id as "accountId", u.event_id as id
    from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[])
      as w (account_id, event_id)
    join usage_quarantine u on u.account_id = w.account_id and u.event_id = w.event_id
    where u.reason = 'late' and u.replaying_at is not null and u.discarded_at is null`,
  );
