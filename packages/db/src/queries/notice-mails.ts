import type { NoticeType } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A mail that is to be sent. */
export interface NoticeMailRow {
  noticeId: string;
  type: NoticeType;
  accountId: string;
  email: string;
  data: Record<string, unknown>;
  createdAt: Date;
  attempts: number;
}

/**
 * Adds a mail for each notice of these types since `since` (business time) whose account has an address, once. That an
 * invoice was paid is worth a mail only where its payment had failed. @returns how many there were.
 */
export const insertDueMails = (
  q: Queryable,
  due: { types: readonly NoticeType[]; since: Date },
): Promise<number> =>
  q.run(
    "noticeMails.insertDue",
    sql`insert into notice_mails (notice_id)
    select n.notice_id from notices n join accounts a using (account_id)
    where n.created_at >= ${due.since}::timestamptz and n.type = any(${due.types}::text[]) and a.email is not null
      and not exists (select from notice_mails m where m.notice_id = n.notice_id)
      and (n.type <> 'invoice.paid' or exists (select from dunning_cases c where c.invoice_id = n.data ->> 'invoiceId'))
    on conflict (notice_id) do nothing`,
  );

/**
 * Takes mails that are due by the wall clock, of each subject only the oldest. They are nobody else's for 5 minutes; one
 * whose sender died is due again after that.
 */
export const claimDueMails = async (q: Queryable, wallNow: Date, limit: number): Promise<string[]> => {
  const rows = await q.rows<{ noticeId: string }>(
    "noticeMails.claimDue",
    sql`update notice_mails m set next_attempt_at = ${wallNow}::timestamptz + interval '5 minutes'
    from (select p.notice_id from notice_mails p join notices n using (notice_id)
      where p.state = 'pending' and p.next_attempt_at <= ${wallNow}::timestamptz and not exists (
        select from notice_mails e join notices o on o.notice_id = e.notice_id
        where e.state = 'pending' and o.account_id = n.account_id and o.subject = n.subject and o.notice_no < n.notice_no)
      order by p.next_attempt_at, n.notice_no limit ${limit}::int for update of p skip locked) due
    where m.notice_id = due.notice_id
    returning m.notice_id as "noticeId"`,
  );
  return rows.map((row) => row.noticeId);
};

/** A mail that is still to be sent; null once it is sent or given up, or the account has no address any more. */
export const findPendingMail = (q: Queryable, noticeId: string): Promise<NoticeMailRow | null> =>
  q.row(
    "noticeMails.findPending",
    sql`select n.notice_id as "noticeId", n.type, n.account_id as "accountId", a.email, n.data, n.created_at as "createdAt",
      m.attempts
    from notice_mails m join notices n using (notice_id) join accounts a using (account_id)
    where m.notice_id = ${noticeId}::text and m.state = 'pending' and a.email is not null`,
  );

/** What came of an attempt. With `nextAttemptAt` (wall time) it is tried again then; without, this was the last. */
export const updateMail = (
  q: Queryable,
  attempt: {
    noticeId: string;
    state: "pending" | "sent" | "failed";
    error: string | null;
    nextAttemptAt: Date | null;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "noticeMails.update",
    sql`update notice_mails set state = ${attempt.state}::text, attempts = attempts + 1, last_error = ${attempt.error}::text,
      next_attempt_at = coalesce(${attempt.nextAttemptAt}::timestamptz, next_attempt_at),
      sent_at = case when ${attempt.state}::text = 'sent' then ${attempt.now}::timestamptz end
    where notice_id = ${attempt.noticeId}::text and state = 'pending'`,
  );
