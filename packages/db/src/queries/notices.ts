import type { NoticeType } from "@driftlock/contracts";
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
  type: NoticeType;
  accountId: string;
  data: Record<string, unknown>;
  createdAt: Date;
  url: string;
  secret: string;
  attempts: number;
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
 * Takes deliveries whose next attempt is due by the wall clock, the longest waiting first, and of each subject only the
 * oldest for its endpoint. They are nobody else's for 5 minutes; one whose sender died is due again after that.
 */
export const claimDueDeliveries = (
  q: Queryable,
  wallNow: Date,
  limit: number,
): Promise<{ noticeId: string; endpointId: string }[]> =>
  q.rows(
    "notices.claimDueDeliveries",
    sql`update notice_deliveries d set next_attempt_at = ${wallNow}::timestamptz + interval '5 minutes'
    from (select p.notice_id, p.endpoint_id from notice_deliveries p join notices n using (notice_id)
      where p.state = 'pending' and p.next_attempt_at <= ${wallNow}::timestamptz and not exists (
        select from notice_deliveries e join notices o on o.notice_id = e.notice_id
        where e.endpoint_id = p.endpoint_id and e.state = 'pending' and o.subject = n.subject and o.notice_no < n.notice_no)
      order by p.next_attempt_at, n.notice_no limit ${limit}::int for update of p skip locked) due
    where d.notice_id = due.notice_id and d.endpoint_id = due.endpoint_id
    returning d.notice_id as "noticeId", d.endpoint_id as "endpointId"`,
  );

/** A delivery that is still to be made; null once it is delivered or failed, or its endpoint was removed. */
export const findPendingDelivery = (
  q: Queryable,
  of: { noticeId: string; endpointId: string },
): Promise<NoticeDeliveryRow | null> =>
  q.row(
    "notices.findPendingDelivery",
    sql`select n.notice_id as "noticeId", d.endpoint_id as "endpointId", n.type, n.account_id as "accountId", n.data,
      n.created_at as "createdAt", e.url, e.secret, d.attempts
    from notice_deliveries d join notices n using (notice_id) join notification_endpoints e using (endpoint_id)
    where d.notice_id = ${of.noticeId}::text and d.endpoint_id = ${of.endpointId}::text and d.state = 'pending'`,
  );

/** What came of an attempt. With `nextAttemptAt` (wall time) it is tried again then; without, this was the last. */
export const updateDelivery = (
  q: Queryable,
  attempt: {
    noticeId: string;
    endpointId: string;
    state: "pending" | "delivered" | "failed";
    status: number | null;
    error: string | null;
    nextAttemptAt: Date | null;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "notices.updateDelivery",
    sql`update notice_deliveries set state = ${attempt.state}::text, attempts = attempts + 1,
      last_status = ${attempt.status}::int, last_error = ${attempt.error}::text,
      next_attempt_at = coalesce(${attempt.nextAttemptAt}::timestamptz, next_attempt_at),
      delivered_at = case when ${attempt.state}::text = 'delivered' then ${attempt.now}::timestamptz end
    where notice_id = ${attempt.noticeId}::text and endpoint_id = ${attempt.endpointId}::text and state = 'pending'`,
  );

export interface ExpiringCardRow {
  accountId: string;
  paymentMethodId: string;
  brand: string | null;
  last4: string | null;
  expMonth: number;
  expYear: number;
}

/**
 * Cards that payments are taken from (a subscription's own, else the customer's default), of subscriptions that live until
 * then, whose last month ends in `[from, until)` and that were not told of yet: a notice with the key
 * "payment_method.expiring.<card>.<year>-<month><keySuffix>".
 */
export const listExpiringCards = (
  q: Queryable,
  span: { from: Date; until: Date; keySuffix: string; limit: number },
): Promise<ExpiringCardRow[]> =>
  q.rows(
    "notices.listExpiringCards",
    sql`select m.account_id as "accountId", m.payment_method_id as "paymentMethodId", m.brand, m.last4,
      m.exp_month as "expMonth", m.exp_year as "expYear"
    from payment_methods m
    cross join lateral (select make_timestamptz(m.exp_year, m.exp_month, 1, 0, 0, 0, 'UTC') + interval '1 month' as ends_at) card
    where card.ends_at >= ${span.from}::timestamptz and card.ends_at < ${span.until}::timestamptz
      and exists (select from user_subscriptions s where s.account_id = m.account_id
        and s.status not in ('canceled', 'incomplete', 'incomplete_expired')
        and not (s.cancel_at_period_end and s.period_end < card.ends_at)
        and m.payment_method_id = (select p.payment_method_id from payment_methods p where p.account_id = s.account_id
          and (p.is_default or p.payment_method_id = s.default_payment_method_id)
          order by p.payment_method_id = coalesce(s.default_payment_method_id, '') desc limit 1))
      and not exists (select from notices n where n.dedupe_key =
        'payment_method.expiring.' || m.payment_method_id || '.' || m.exp_year || '-' || m.exp_month || ${span.keySuffix}::text)
    order by card.ends_at limit ${span.limit}::int`,
  );
