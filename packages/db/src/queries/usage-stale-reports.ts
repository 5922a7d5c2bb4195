import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { LaneSpan } from "./usage-report-lanes.ts";

/** Reports of one lane that were first sent too long ago to be sent again without a comparison. */
export interface StaleReportsRow extends LaneSpan {
  /** In the order they were sent in. */
  reports: { identifier: string; quantity: number }[];
}

/**
 * Takes stale reports by customer and meter, with the minutes that hold them, for as long as the lease (wall time), the
 * longest known first; `firstSentBefore` is 23 hours ago. What is being sent just now is not among them. Totals of the
 * period (`last`) never are: they may be told again at any time.
 */
export const claimStaleReports = (
  q: Queryable,
  claim: { firstSentBefore: Date; leaseMs: number; limit: number },
): Promise<StaleReportsRow[]> =>
  q.rows(
    "usageStaleReports.claim",
    sql`with taken as (update usage_reports set next_attempt_at = clock_timestamp() + ${claim.leaseMs}::int * interval '1 millisecond'
      where identifier in (select identifier from usage_reports where state in ('pending', 'sending')
        and next_attempt_at <= clock_timestamp() and report_mode = 'sum' and first_sent_at <= ${claim.firstSentBefore}::timestamptz
        order by next_attempt_at limit ${claim.limit}::int for update skip locked)
      returning *)
    select r.stripe_customer_id as "stripeCustomerId", r.meter_event_name as "meterEventName",
      m.stripe_meter_id as "stripeMeterId", r.report_mode as "reportMode",
      jsonb_agg(jsonb_build_object('identifier', r.identifier, 'quantity', r.to_quantity - r.from_quantity)
        order by r.period_start, r.window_no) as reports,
      date_trunc('minute', min(r.event_at)) as "from", date_trunc('minute', max(r.event_at)) + interval '1 minute' as until
    from taken r join metrics m on m.metric = r.metric where m.stripe_meter_id is not null
    group by 1, 2, 3, 4`,
  );

/** The comparison has shown that Stripe has these. */
export const updateStaleSent = (
  q: Queryable,
  stale: { identifiers: readonly string[]; firstSentBefore: Date; now: Date },
): Promise<number> =>
  q.run(
    "usageStaleReports.updateSent",
    sql`update usage_reports set state = 'sent', sent_at = ${stale.now}::timestamptz, last_error = null,
      compare_at = ${stale.now}::timestamptz, doubted_at = null
    where identifier = any(${stale.identifiers}::text[]) and state in ('pending', 'sending')
      and first_sent_at <= ${stale.firstSentBefore}::timestamptz`,
  );

/** The comparison has shown that Stripe has not: they are sent as if for the first time. */
export const updateStaleUnsent = (
  q: Queryable,
  stale: { identifiers: readonly string[]; firstSentBefore: Date },
): Promise<number> =>
  q.run(
    "usageStaleReports.updateUnsent",
    sql`update usage_reports set state = 'pending', first_sent_at = null, next_attempt_at = '-infinity', doubted_at = null
    where identifier = any(${stale.identifiers}::text[]) and state in ('pending', 'sending')
      and first_sent_at <= ${stale.firstSentBefore}::timestamptz`,
  );
