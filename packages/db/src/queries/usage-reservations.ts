import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type ReservationState =
  | "pending"
  | "held"
  | "committing"
  | "committed"
  | "ending"
  | "released"
  | "expired";

export interface ReservationItem {
  metric: string;
  quantity: number;
}

export interface ReservationRow {
  accountId: string;
  reservationId: string;
  /** What Redis knows it by; an id that is used again after a refusal has another. */
  reservationNo: number;
  items: ReservationItem[];
  ttlSeconds: number;
  state: ReservationState;
  /** What an ending one becomes; `refused` was never held. */
  outcome: "released" | "expired" | "refused" | null;
  expiresAt: Date;
  committedItems: ReservationItem[] | null;
  committedAt: Date | null;
}

const columns = `account_id as "accountId", reservation_id as "reservationId", reservation_no as "reservationNo", items,
  ttl_seconds as "ttlSeconds", state, outcome, expires_at as "expiresAt", committed_items as "committedItems",
  committed_at as "committedAt"`;

/** How long the one that set a state is left to finish it, before another goes on with it. Wall time. */
const retryAfterSql = `clock_timestamp() + interval '5 seconds'`;

/**
 * Says that a hold is being tried. One of the same id that is being tried already, with the same payload, begins its
 * time anew. @returns null where nothing was written: the id is taken, or there is no such account.
 */
export const upsertPending = (
  q: Queryable,
  reservation: {
    accountId: string;
    reservationId: string;
    items: readonly ReservationItem[];
    ttlSeconds: number;
    now: Date;
  },
): Promise<ReservationRow | null> =>
  q.row("usageReservations.upsertPending", {
    text: `insert into usage_reservations as u (account_id, reservation_id, items, ttl_seconds, created_at, expires_at, retry_at)
      select account_id, $2::text, $3::jsonb, $4::int, $5::timestamptz, $5::timestamptz + $4::int * interval '1 second',
        ${retryAfterSql}
      from accounts where account_id = $1::text
      on conflict (account_id, reservation_id) do update
        set created_at = excluded.created_at, expires_at = excluded.expires_at, retry_at = excluded.retry_at
        where u.state = 'pending' and u.items = excluded.items and u.ttl_seconds = excluded.ttl_seconds
      returning ${columns}`,
    values: [
      reservation.accountId,
      reservation.reservationId,
      JSON.stringify(reservation.items),
      reservation.ttlSeconds,
      reservation.now,
    ],
  });

/** By the id that its account gave it, whatever its state. */
export const findReservation = (
  q: Queryable,
  accountId: string,
  reservationId: string,
): Promise<ReservationRow | null> =>
  q.row("usageReservations.find", {
    text: `select ${columns} from usage_reservations where account_id = $1::text and reservation_id = $2::text`,
    values: [accountId, reservationId],
  });

/** What is tried is held; no longer than to `endsBy`. @returns null where it is not tried any more. */
export const updateHeld = (
  q: Queryable,
  reservationNo: number,
  endsBy: Date,
): Promise<ReservationRow | null> =>
  q.row("usageReservations.updateHeld", {
    text: `update usage_reservations set state = 'held', expires_at = least(expires_at, $2::timestamptz)
      where reservation_no = $1::bigint and state = 'pending' returning ${columns}`,
    values: [reservationNo, endsBy],
  });

/** Decides that what is held is committed, with what and when. @returns null where it is not held any more at `now`. */
export const updateCommitting = (
  q: Queryable,
  commit: { reservationNo: number; items: readonly ReservationItem[]; now: Date },
): Promise<ReservationRow | null> =>
  q.row("usageReservations.updateCommitting", {
    text: `update usage_reservations set state = 'committing', committed_items = $2::jsonb, committed_at = $3::timestamptz,
        retry_at = ${retryAfterSql}
      where reservation_no = $1::bigint and state = 'held' and expires_at > $3::timestamptz returning ${columns}`,
    values: [commit.reservationNo, JSON.stringify(commit.items), commit.now],
  });

/** The events of a commit are counted. */
export const updateCommitted = (q: Queryable, reservationNo: number): Promise<number> =>
  q.run(
    "usageReservations.updateCommitted",
    sql`update usage_reservations set state = 'committed'
    where reservation_no = ${reservationNo}::bigint and state = 'committing'`,
  );

/** A commit was refused, since a limit has become less than what is used and held: it is held as before. */
export const updateCommitRefused = (q: Queryable, reservationNo: number): Promise<number> =>
  q.run(
    "usageReservations.updateCommitRefused",
    sql`update usage_reservations set state = 'held', committed_items = null, committed_at = null
    where reservation_no = ${reservationNo}::bigint and state = 'committing'`,
  );

/** Decides that what is held or tried ends, without usage. @returns null where it is neither any more. */
export const updateEnding = (
  q: Queryable,
  reservationNo: number,
  outcome: "released" | "refused",
): Promise<ReservationRow | null> =>
  q.row("usageReservations.updateEnding", {
    text: `update usage_reservations set state = 'ending', outcome = $2::text, retry_at = ${retryAfterSql}
      where reservation_no = $1::bigint and state = case when $2::text = 'refused' then 'pending' else 'held' end
      returning ${columns}`,
    values: [reservationNo, outcome],
  });

/** An ending that Redis has taken off: it becomes its outcome, and what was refused leaves no trace. */
export const updateEnded = (q: Queryable, reservationNo: number): Promise<number> =>
  q.run(
    "usageReservations.updateEnded",
    sql`with refused as (delete from usage_reservations
      where reservation_no = ${reservationNo}::bigint and state = 'ending' and outcome = 'refused')
    update usage_reservations set state = outcome
    where reservation_no = ${reservationNo}::bigint and state = 'ending' and outcome <> 'refused'`,
  );

/** Lets what has expired by `now` end, the earliest first; nobody answered for what was still tried. */
export const claimExpired = (q: Queryable, now: Date, limit: number): Promise<ReservationRow[]> =>
  q.rows("usageReservations.claimExpired", {
    text: `update usage_reservations set state = 'ending', retry_at = ${retryAfterSql},
        outcome = case state when 'pending' then 'refused' else 'expired' end
      where reservation_no in (select reservation_no from usage_reservations
        where state in ('pending', 'held') and expires_at <= $1::timestamptz
        order by expires_at limit $2::int for update skip locked)
      returning ${columns}`,
    values: [now, limit],
  });

/** Takes commits and endings that were begun and not finished in time. */
export const claimUnfinished = (q: Queryable, limit: number): Promise<ReservationRow[]> =>
  q.rows("usageReservations.claimUnfinished", {
    text: `update usage_reservations set retry_at = ${retryAfterSql}
      where reservation_no in (select reservation_no from usage_reservations
        where state in ('committing', 'ending') and retry_at <= clock_timestamp()
        order by retry_at limit $1::int for update skip locked)
      returning ${columns}`,
    values: [limit],
  });

/** Which of these hold something, or are about to. */
export const listOpenNos = async (q: Queryable, reservationNos: readonly number[]): Promise<Set<number>> => {
  const rows = await q.rows<{ reservationNo: number }>(
    "usageReservations.listOpenNos",
    sql`select reservation_no as "reservationNo" from usage_reservations
    where reservation_no = any(${reservationNos}::bigint[]) and state in ('pending', 'held', 'committing')`,
  );
  return new Set(rows.map(({ reservationNo }) => reservationNo));
};

/** Forgets what has ended and expired before `before`. @returns how many. */
export const deleteEnded = (q: Queryable, before: Date, limit: number): Promise<number> =>
  q.run(
    "usageReservations.deleteEnded",
    sql`delete from usage_reservations where reservation_no in (select reservation_no from usage_reservations
      where state in ('committed', 'released', 'expired') and expires_at < ${before}::timestamptz limit ${limit}::int)`,
  );
