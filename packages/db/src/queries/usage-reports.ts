import type { ReportMode } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A billed running total of an open period that has moved since its last window was frozen. */
export interface UnreportedTotalRow {
  accountId: string;
  metric: string;
  periodStart: Date;
  periodEnd: Date;
  quantity: number;
  reportedQuantity: number;
  windowCount: number;
  /** The instant that its last window carries. */
  lastEventAt: Date | null;
  stripeCustomerId: string;
  meterEventName: string;
  reportMode: ReportMode;
}

export interface ReportRow {
  identifier: string;
  accountId: string;
  metric: string;
  periodStart: Date;
  windowNo: number;
  fromQuantity: number;
  toQuantity: number;
  stripeCustomerId: string;
  meterEventName: string;
  reportMode: ReportMode;
  eventAt: Date;
}

/**
 * Billed totals with something left to report: of all open periods of subscriptions, or of one account's period. Plans
 * bill a metric where its policy is `bill`; the whole total is reported, Stripe's tiers hold the included part. In the
 * look over all, a total whose last window is still to be sent waits: an outage leaves one window, not thousands. Once a
 * close has frozen what it bills, only `bill-in-period-if-draft` adds to it. While an upgrade is being made nothing past its
 * cut is reported, nor, from when Stripe is asked on, what came late for the time before it.
 */
export const listUnreported = (
  q: Queryable,
  { period, limit }: { period?: { accountId: string; periodStart: Date }; limit: number },
): Promise<UnreportedTotalRow[]> =>
  q.rows(
    "usageReports.listUnreported",
    sql`select t.account_id as "accountId", t.metric, t.period_start as "periodStart", p.period_end as "periodEnd",
      t.quantity, coalesce(w.to_quantity, 0) as "reportedQuantity", coalesce(w.window_no, 0) as "windowCount",
      w.event_at as "lastEventAt", a.stripe_customer_id as "stripeCustomerId",
      m.stripe_meter_event_name as "meterEventName", m.report_mode as "reportMode"
    from usage_periods p
    join plan_limits l on l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.overage_policy = 'bill'
    join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start and t.metric = l.metric
    join accounts a on a.account_id = p.account_id
    join metrics m on m.metric = t.metric
    left join lateral (select r.to_quantity, r.window_no, r.event_at, r.state from usage_reports r
      where r.account_id = t.account_id and r.metric = t.metric and r.period_start = t.period_start
      order by r.window_no desc, r.resend_no desc limit 1) w on true
    where p.closed_at is null and p.stripe_subscription_id is not null and a.stripe_customer_id is not null
      and m.stripe_meter_event_name is not null and t.quantity <> coalesce(w.to_quantity, 0)
      and not exists (select from period_closes c where c.stripe_subscription_id = p.stripe_subscription_id
        and c.closed_at is null and p.period_end > c.period_start and p.period_end <= c.period_end
        and (c.state = 'finalizing' or c.state = 'verifying' and m.late_policy <> 'bill-in-period-if-draft'))
      and not exists (select from plan_changes g where g.account_id = p.account_id and g.finished_at is null and g.is_cut
        and (p.period_start >= g.effective_at
          or p.period_end = g.effective_at and g.state not in ('draining', 'reporting', 'verifying')))
      and (${period?.accountId ?? null}::text is null and w.state is distinct from 'pending'
        and w.state is distinct from 'sending' or p.account_id = ${period?.accountId ?? null}::text)
      and (${period?.periodStart ?? null}::timestamptz is null or p.period_start = ${period?.periodStart ?? null}::timestamptz)
    order by p.period_end, t.account_id, t.metric limit ${limit}::int`,
  );

/** Writes frozen windows; one that somebody else froze at the same time stays as theirs. */
export const insertReports = (q: Queryable, windows: readonly ReportRow[], now: Date): Promise<number> =>
  q.run(
    "usageReports.insertMany",
    sql`insert into usage_reports (created_at, identifier, account_id, metric, period_start, window_no, from_quantity,
      to_quantity, stripe_customer_id, meter_event_name, report_mode, event_at)
    select ${now}::timestamptz, * from unnest(${windows.map((window) => window.identifier)}::text[],
      ${windows.map((window) => window.accountId)}::text[], ${windows.map((window) => window.metric)}::text[],
      ${windows.map((window) => window.periodStart)}::timestamptz[], ${windows.map((window) => window.windowNo)}::int[],
      ${windows.map((window) => window.fromQuantity)}::bigint[], ${windows.map((window) => window.toQuantity)}::bigint[],
      ${windows.map((window) => window.stripeCustomerId)}::text[],
      ${windows.map((window) => window.meterEventName)}::text[], ${windows.map((window) => window.reportMode)}::text[],
      ${windows.map((window) => window.eventAt)}::timestamptz[])
    on conflict do nothing`,
  );

/** How long after its first try Stripe still knows an identifier for certain (24 hours), with an hour to spare. */
export const resendHoursMax = 23;

const columns = `identifier, account_id as "accountId", metric, period_start as "periodStart", window_no as "windowNo",
  from_quantity as "fromQuantity", to_quantity as "toQuantity", stripe_customer_id as "stripeCustomerId",
  meter_event_name as "meterEventName", report_mode as "reportMode", event_at as "eventAt"`;

/**
 * Takes reports that are due for as long as the lease, one for each customer and meter: the one whose fate is not known,
 * else the first in line. An index holds that there is one call at a time, whoever claims. A process that dies leaves its
 * report to the next one, under the same identifier. What was first sent too long ago is left alone: Stripe may have
 * forgotten it. A total of the period (`last`) may be told at any time again.
 */
export const claimReports = (
  q: Queryable,
  claim: { now: Date; leaseMs: number; limit: number },
): Promise<(ReportRow & { attempts: number })[]> =>
  q.rows("usageReports.claim", {
    text: `update usage_reports r set state = 'sending', attempts = attempts + 1,
      first_sent_at = coalesce(first_sent_at, $1::timestamptz),
      next_attempt_at = clock_timestamp() + $2::int * interval '1 millisecond'
    where identifier in (select identifier from usage_reports due
      where state in ('pending', 'sending') and next_attempt_at <= clock_timestamp()
        and (report_mode = 'last' or first_sent_at is null or first_sent_at > $1::timestamptz - $3::int * interval '1 hour')
        and not exists (select from usage_reports other where other.state in ('pending', 'sending')
          and other.stripe_customer_id = due.stripe_customer_id and other.meter_event_name = due.meter_event_name
          and other.identifier <> due.identifier and due.state <> 'sending'
          and (other.state = 'sending' or (other.first_sent_at is null, other.period_start, other.window_no, other.resend_no)
            < (due.first_sent_at is null, due.period_start, due.window_no, due.resend_no)))
      order by next_attempt_at, created_at limit $4::int for update skip locked)
    returning ${columns}, attempts`,
    values: [claim.now, claim.leaseMs, resendHoursMax, claim.limit],
  });

/** Stripe has it; at `compareAt` it is looked for in the summaries. */
export const updateReportSent = (
  q: Queryable,
  identifier: string,
  now: Date,
  compareAt: Date = now,
): Promise<number> =>
  q.run(
    "usageReports.updateSent",
    sql`update usage_reports set state = 'sent', sent_at = ${now}::timestamptz, last_error = null,
      compare_at = ${compareAt}::timestamptz, doubted_at = null
    where identifier = ${identifier}::text and state = 'sending'`,
  );

/** Whether Stripe has it is not known, or it said to come back: tried again after `delayMs` of wall time. */
export const updateReportRetry = (
  q: Queryable,
  report: { identifier: string; error: string; delayMs: number },
): Promise<number> =>
  q.run(
    "usageReports.updateRetry",
    sql`update usage_reports set state = 'pending', last_error = ${report.error}::text,
      next_attempt_at = clock_timestamp() + ${report.delayMs}::int * interval '1 millisecond'
    where identifier = ${report.identifier}::text and state = 'sending'`,
  );

/** Stripe refused it for good; an operator has to look. */
export const updateReportFailed = (q: Queryable, identifier: string, error: string): Promise<number> =>
  q.run(
    "usageReports.updateFailed",
    sql`update usage_reports set state = 'failed', last_error = ${error}::text, doubted_at = null
    where identifier = ${identifier}::text and state = 'sending'`,
  );

export interface ReportCounts {
  /** Still to be sent, or sent without an answer. */
  open: number;
  /** Of these, first sent too long ago to be sent again without a comparison. */
  stale: number;
  failed: number;
  /** Sent, and not found in Stripe's summaries so far. */
  unconfirmed: number;
  /** Of these, looked for so often that it is no delay any more. */
  mismatched: number;
  /** A person has to say whether Stripe has them. */
  doubted: number;
  /** When the oldest open one was frozen. */
  oldestOpenAt: Date | null;
}

/** After so many comparisons a report that is not in the summaries is taken for lost, and a person is told. */
export const compareTriesMax = 4;

export const countReports = async (q: Queryable, now: Date): Promise<ReportCounts> => {
  const row = await q.row<ReportCounts>(
    "usageReports.count",
    sql`select open.*, sent.*, (select count(*) from usage_reports where state = 'failed') as failed,
      (select count(*) from usage_reports where doubted_at is not null) as doubted
    from (select count(*) as open, min(created_at) as "oldestOpenAt", count(*) filter (where report_mode = 'sum'
        and first_sent_at <= ${now}::timestamptz - ${resendHoursMax}::int * interval '1 hour') as stale
      from usage_reports where state in ('pending', 'sending')) open,
    (select count(*) as unconfirmed, count(*) filter (where compare_tries >= ${compareTriesMax}::int) as mismatched
      from usage_reports where state = 'sent') sent`,
  );
  return (
    row ?? { open: 0, stale: 0, failed: 0, unconfirmed: 0, mismatched: 0, doubted: 0, oldestOpenAt: null }
  );
};

export interface PeriodReportsRow {
  metric: string;
  /** The total that Stripe has, if each sent window arrived. */
  sentQuantity: number;
  openCount: number;
  failedCount: number;
}

/** How far a period's totals are reported, by metric; a metric without a window is left out. */
export const listPeriodReports = (
  q: Queryable,
  { accountId, periodStart }: { accountId: string; periodStart: Date },
): Promise<PeriodReportsRow[]> =>
  q.rows(
    "usageReports.listPeriod",
    sql`select metric,
      coalesce(sum(to_quantity - from_quantity) filter (where state in ('sent', 'confirmed')), 0)::bigint as "sentQuantity",
      count(*) filter (where state in ('pending', 'sending')) as "openCount",
      count(*) filter (where state = 'failed') as "failedCount"
    from usage_reports where account_id = ${accountId}::text and period_start = ${periodStart}::timestamptz
    group by metric order by metric`,
  );

/** What a report bills, by the identifier that Stripe knows it by. */
export const findReport = (
  q: Queryable,
  identifier: string,
): Promise<{ accountId: string; metric: string } | null> =>
  q.row(
    "usageReports.find",
    sql`select account_id as "accountId", metric from usage_reports where identifier = ${identifier}::text`,
  );
