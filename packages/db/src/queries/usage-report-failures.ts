import type { ReportDecision, ReportMode } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { LaneSpan } from "./usage-report-lanes.ts";
import { compareTriesMax } from "./usage-reports.ts";

/** Stripe says that it could not count these; `error` begins with its code. @returns how many were not failed before. */
export const updateNamedFailed = (
  q: Queryable,
  named: readonly { identifier: string; error: string }[],
): Promise<number> =>
  q.run(
    "usageReportFailures.updateNamed",
    sql`update usage_reports r set state = 'failed', last_error = named.error, compare_at = null, confirmed_at = null,
      doubted_at = null, decision = null
    from unnest(${named.map(({ identifier }) => identifier)}::text[], ${named.map(({ error }) => error)}::text[])
      as named (identifier, error)
    where r.identifier = named.identifier and r.state not in ('failed', 'replaced')`,
  );

/**
 * The summaries show that these, which Stripe took, are missing; one that a person or another process has decided
 * meanwhile stays as it is. @returns the identifiers of those that have failed by it.
 */
export const updateLost = async (
  q: Queryable,
  { identifiers, error }: { identifiers: readonly string[]; error: string },
): Promise<string[]> => {
  const rows = await q.rows<{ identifier: string }>(
    "usageReportFailures.updateLost",
    sql`update usage_reports set state = 'failed', last_error = ${error}::text, compare_at = null, doubted_at = null
    where identifier = any(${identifiers}::text[]) and state = 'sent' returning identifier`,
  );
  return rows.map(({ identifier }) => identifier);
};

/**
 * Everything sent to a meter (null: to any) in `[from, until]` is to be found in Stripe's summaries, again where it was
 * before, at `compareAt`; what is not there then is told to a person at once.
 */
export const updateSuspect = (
  q: Queryable,
  suspect: { stripeMeterId: string | null; from: Date; until: Date; compareAt: Date },
): Promise<number> =>
  q.run(
    "usageReportFailures.updateSuspect",
    sql`update usage_reports r set state = 'sent', confirmed_at = null, decision = null, compare_at = ${suspect.compareAt}::timestamptz,
      compare_tries = ${compareTriesMax - 1}::int
    where state in ('sent', 'confirmed') and sent_at between ${suspect.from}::timestamptz and ${suspect.until}::timestamptz
      and (${suspect.stripeMeterId}::text is null
        or metric in (select metric from metrics where stripe_meter_id = ${suspect.stripeMeterId}::text))`,
  );

/** The cause of a failure is gone, a person says. @returns 0 where no such report has failed. */
export const updateReleased = (q: Queryable, identifier: string, now: Date): Promise<number> =>
  q.run(
    "usageReportFailures.updateReleased",
    sql`update usage_reports set released_at = ${now}::timestamptz where identifier = ${identifier}::text and state = 'failed'`,
  );

/**
 * Releases what failed of a cause outside of the report (one of `codes`), once a later report of the same customer and
 * meter was found in Stripe's summaries: the cause is gone.
 */
export const updateMendedReleased = (
  q: Queryable,
  mended: { codes: readonly string[]; now: Date },
): Promise<number> =>
  q.run(
    "usageReportFailures.updateMendedReleased",
    sql`update usage_reports f set released_at = ${mended.now}::timestamptz
    where state = 'failed' and released_at is null and split_part(last_error, ':', 1) = any(${mended.codes}::text[])
      and exists (select from usage_reports later where later.stripe_customer_id = f.stripe_customer_id
        and later.meter_event_name = f.meter_event_name and later.state = 'confirmed'
        and later.sent_at > coalesce(f.sent_at, f.first_sent_at))`,
  );

/** A failed report that is to be told again, and the minute that holds it. */
export interface ReleasedReportRow extends LaneSpan {
  identifier: string;
  accountId: string;
  metric: string;
  periodStart: Date;
  windowNo: number;
  resendNo: number;
  fromQuantity: number;
  toQuantity: number;
  reportMode: ReportMode;
  /** A person's word on it, given since it was last in doubt. */
  decision: ReportDecision | null;
}

/** Takes released reports for as long as the lease (business time); what a dead process took comes again. */
export const claimReleased = (
  q: Queryable,
  claim: { now: Date; leaseMs: number; limit: number },
): Promise<ReleasedReportRow[]> =>
  q.rows(
    "usageReportFailures.claimReleased",
    sql`update usage_reports r set released_at = ${claim.now}::timestamptz + ${claim.leaseMs}::int * interval '1 millisecond'
    from metrics m
    where m.metric = r.metric and m.stripe_meter_id is not null and r.identifier in (select identifier from usage_reports
      where state = 'failed' and released_at <= ${claim.now}::timestamptz order by released_at limit ${claim.limit}::int
      for update skip locked)
    returning r.identifier, r.account_id as "accountId", r.metric, r.period_start as "periodStart",
      r.window_no as "windowNo", r.resend_no as "resendNo", r.from_quantity as "fromQuantity",
      r.to_quantity as "toQuantity", r.report_mode as "reportMode", r.decision, r.stripe_customer_id as "stripeCustomerId",
      r.meter_event_name as "meterEventName", m.stripe_meter_id as "stripeMeterId",
      date_trunc('minute', r.event_at) as "from", date_trunc('minute', r.event_at) + interval '1 minute' as until`,
  );

/** The summaries show that a failed report is missing: another takes its place, under its own identifier. */
export const replaceFailed = (
  q: Queryable,
  { identifier, replacement, now }: { identifier: string; replacement: string; now: Date },
): Promise<number> =>
  q.run(
    "usageReportFailures.replace",
    sql`with replaced as (update usage_reports set state = 'replaced', doubted_at = null
      where identifier = ${identifier}::text and state = 'failed' returning *)
    insert into usage_reports (identifier, account_id, metric, period_start, window_no, resend_no, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, report_mode, event_at, created_at)
    select ${replacement}::text, account_id, metric, period_start, window_no, resend_no + 1, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, report_mode, event_at, ${now}::timestamptz from replaced`,
  );

/** The summaries show that it has arrived after all. */
export const updateArrived = (q: Queryable, identifier: string, now: Date): Promise<number> =>
  q.run(
    "usageReportFailures.updateArrived",
    sql`update usage_reports set state = 'sent', sent_at = coalesce(sent_at, ${now}::timestamptz), last_error = null,
      released_at = null, compare_at = ${now}::timestamptz, doubted_at = null, decision = null
    where identifier = ${identifier}::text and state = 'failed'`,
  );

/**
 * The newest total of a lane (`last`) is not in the summaries, whatever Stripe answered: it failed, and is released,
 * because a total may be told again at any time. @returns its identifier.
 */
export const updateNewestLost = async (
  q: Queryable,
  { stripeCustomerId, meterEventName, from, until, now }: LaneSpan & { now: Date },
): Promise<string | null> => {
  const row = await q.row<{ identifier: string }>(
    "usageReportFailures.updateNewestLost",
    sql`update usage_reports set state = 'failed', last_error = 'lost: not in the summaries', compare_at = null,
      released_at = ${now}::timestamptz
    where state = 'sent' and report_mode = 'last' and identifier = (select identifier from usage_reports
      where stripe_customer_id = ${stripeCustomerId}::text and meter_event_name = ${meterEventName}::text
        and state in ('sent', 'confirmed') and event_at >= ${from}::timestamptz and event_at < ${until}::timestamptz
      order by event_at desc, window_no desc, resend_no desc limit 1)
    returning identifier`,
  );
  return row?.identifier ?? null;
};
