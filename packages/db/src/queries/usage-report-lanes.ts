import type { ReportMode } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** One customer's usage on one meter: what Stripe sums up, and what it takes one call at a time for. */
export interface Lane {
  stripeCustomerId: string;
  meterEventName: string;
  stripeMeterId: string;
  reportMode: ReportMode;
}

/** A lane over `[from, until)`, by the instants that its reports carry; whole minutes, the unit of Stripe's summaries. */
export interface LaneSpan extends Lane {
  from: Date;
  until: Date;
}

/** Reports of one lane that wait to be found in Stripe's summaries, and the minutes that hold them. */
export interface LaneToCompare extends LaneSpan {
  reports: { identifier: string; accountId: string; metric: string; quantity: number }[];
  /** How often the oldest of them was looked for before. */
  tries: number;
}

const minutes = `date_trunc('minute', min(event_at)) as "from", date_trunc('minute', max(event_at)) + interval '1 minute' as until`;

/**
 * Takes sent reports whose time to be compared has come, by lane, and puts them off by the lease: two processes do not
 * ask Stripe the same, and what a dead one took comes again.
 */
export const claimLanesToCompare = (
  q: Queryable,
  claim: { now: Date; leaseMs: number; limit: number },
): Promise<LaneToCompare[]> =>
  q.rows("usageReportLanes.claimToCompare", {
    text: `with due as (select distinct stripe_customer_id, meter_event_name from (select stripe_customer_id, meter_event_name
        from usage_reports where state = 'sent' and compare_at <= $1::timestamptz order by compare_at limit $3::int) first),
    taken as (update usage_reports r set compare_at = $1::timestamptz + $2::int * interval '1 millisecond' from due
      where r.stripe_customer_id = due.stripe_customer_id and r.meter_event_name = due.meter_event_name
        and r.state = 'sent' and r.compare_at <= $1::timestamptz returning r.*)
    select r.stripe_customer_id as "stripeCustomerId", r.meter_event_name as "meterEventName",
      m.stripe_meter_id as "stripeMeterId", r.report_mode as "reportMode",
      jsonb_agg(jsonb_build_object('identifier', r.identifier, 'accountId', r.account_id, 'metric', r.metric,
        'quantity', r.to_quantity - r.from_quantity)) as reports,
      max(r.compare_tries) as tries, ${minutes}
    from taken r join metrics m on m.metric = r.metric where m.stripe_meter_id is not null
    group by r.stripe_customer_id, r.meter_event_name, m.stripe_meter_id, r.report_mode`,
    values: [claim.now, claim.leaseMs, claim.limit],
  });

/** The lanes that an account's metrics are reported in. */
export const listLanes = (
  q: Queryable,
  of: { accountId: string; metrics: readonly string[] },
): Promise<(Lane & { metric: string })[]> =>
  q.rows(
    "usageReportLanes.list",
    sql`select m.metric, a.stripe_customer_id as "stripeCustomerId", m.stripe_meter_event_name as "meterEventName",
      m.stripe_meter_id as "stripeMeterId", m.report_mode as "reportMode"
    from accounts a join metrics m on m.metric = any(${of.metrics}::text[]) and m.stripe_meter_id is not null
    where a.account_id = ${of.accountId}::text and a.stripe_customer_id is not null order by m.metric`,
  );

export interface LaneLedger {
  /** What Stripe's summary of the span must be: the sum of what arrived, or the newest total. */
  quantity: number;
  /** Reports of the span that Stripe may have or not. */
  unknownCount: number;
}

const ledgerText = `select coalesce(case $3::text
    when 'last' then (array_agg(to_quantity order by event_at desc, window_no desc, resend_no desc)
      filter (where state in ('sent', 'confirmed')))[1]
    else sum(to_quantity - from_quantity) filter (where state in ('sent', 'confirmed')) end, 0)::bigint as quantity,
  count(*) filter (where state = 'sending' or state = 'pending' and first_sent_at is not null) as "unknownCount"
from usage_reports where stripe_customer_id = $1::text and meter_event_name = $2::text
  and event_at >= $4::timestamptz and event_at < $5::timestamptz`;

const spanValues = ({ stripeCustomerId, meterEventName, reportMode, from, until }: LaneSpan) => [
  stripeCustomerId,
  meterEventName,
  reportMode,
  from,
  until,
];

/** Our side of a comparison. */
export const findLedger = async (q: Queryable, span: LaneSpan): Promise<LaneLedger> =>
  (await q.row<LaneLedger>("usageReportLanes.findLedger", {
    text: ledgerText,
    values: spanValues(span),
  })) ?? {
    quantity: 0,
    unknownCount: 0,
  };

/**
 * Stripe's summary of the span is our ledger's: what was sent has arrived. Nothing is confirmed where the ledger has
 * moved since it was read. @returns how many reports.
 */
export const updateConfirmed = (
  q: Queryable,
  span: LaneSpan,
  { ledger, now }: { ledger: LaneLedger; now: Date },
): Promise<number> =>
  q.run("usageReportLanes.updateConfirmed", {
    text: `with ledger as (${ledgerText})
    update usage_reports set state = 'confirmed', confirmed_at = $6::timestamptz, compare_at = null, doubted_at = null
    where stripe_customer_id = $1::text and meter_event_name = $2::text and state = 'sent'
      and event_at >= $4::timestamptz and event_at < $5::timestamptz
      and (select (quantity, "unknownCount") = ($7::bigint, 0) from ledger)`,
    values: [...spanValues(span), now, ledger.quantity],
  });

/** Stripe's summary is not our ledger's: these are looked for again at `compareAt`. */
export const updateNotFound = (
  q: Queryable,
  reports: { identifiers: readonly string[]; compareAt: Date },
): Promise<number> =>
  q.run(
    "usageReportLanes.updateNotFound",
    sql`update usage_reports set compare_tries = compare_tries + 1, compare_at = ${reports.compareAt}::timestamptz
    where identifier = any(${reports.identifiers}::text[]) and state = 'sent'`,
  );
