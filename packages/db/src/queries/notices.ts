import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface NewNoticeRow {
  noticeId: string;
  accountId: string;
  type: string;
  dedupeKey: string;
  data: Record<string, unknown>;
  now: Date;
}

/** What is sent to one endpoint: a notice, and where it goes. */
export interface NoticeDeliveryRow {
  noticeId: string;
  endpointId: string;
  type: string;
  accountId: string;
  data: Record<string, unknown>;
  createdAt: Date;
  url: string;
  secret: string;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  isDue: boolean;
}

/** Adds a notice and, in the same statement, a delivery for each endpoint. @returns false when its step was told before. */
export const insertNotice = async (q: Queryable, notice: NewNoticeRow): Promise<boolean> =>
  (await q.row(
    "notices.insert",
    sql`with told as (
      insert into notices (notice_id, account_id, type, dedupe_key, data, created_at)
      values (${notice.noticeId}::text, ${notice.accountId}::text, ${notice.type}::text, ${notice.dedupeKey}::text,
        ${JSON.stringify(notice.data)}::jsonb, ${notice.now}::timestamptz)
      on conflict (dedupe_key) do nothing returning notice_id, account_id
    ), fan_out as (
      insert into notice_deliveries (notice_id, endpoint_id, next_attempt_at)
      select told.notice_id, endpoint.endpoint_id, '-infinity' from told
      join notification_endpoints endpoint using (account_id)
    )
    select 1 from told`,
  )) !== null;

/**
 * Deliveries whose next attempt is due by the wall clock, the longest waiting first. They are taken until
 * `wallNow` + 5 minutes, so that two schedulers do not both send one; a job that dies leaves it due again after that.
 */
export const claimDueDeliveries = (
  q: Queryable,
  wallNow: Date,
  limit: number,
): Promise<{ noticeId: string; endpointId: string }[]> =>
  q.rows(
    "notices.claimDueDeliveries",
    sql`update notice_deliveries d set next_attempt_at = ${wallNow}::timestamptz + interval '5 minutes'
    from (select notice_id, endpoint_id from notice_deliveries
      where state = 'pending' and next_attempt_at <= ${wallNow}::timestamptz
      order by next_attempt_at limit ${limit}::int for update skip locked) due
    where d.notice_id = due.notice_id and d.endpoint_id = due.endpoint_id
    returning d.notice_id as "noticeId", d.endpoint_id as "endpointId"`,
  );
