import {
  type DoubtState,
  doubtedWindowsMax,
  type ReportDecision,
  type ReportMode,
} from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { LaneSpan } from "./usage-report-lanes.ts";
import { resendHoursMax } from "./usage-reports.ts";

/** Why a report is in doubt follows from what became of it so far. */
const doubtState = `case when r.state in ('pending', 'sending') then 'unanswered' when r.state = 'sent' then 'not-found'
  else 'not-resent' end`;

/**
 * A comparison cannot tell whether Stripe has these. One that has another state by now, a decision that the comparison
 * did not know, or was found to be unsent and is being sent anew, stays as it is.
 */
export const updateDoubted = (
  q: Queryable,
  doubt: { identifiers: readonly string[]; state: DoubtState; decision: ReportDecision | null; now: Date },
): Promise<number> =>
  q.run("usageReportDoubts.updateDoubted", {
    text: `update usage_reports r set doubted_at = coalesce(doubted_at, $3::timestamptz), decision = null
    where identifier = any($1::text[]) and state not in ('confirmed', 'replaced') and (${doubtState}) = $2::text
      and decision is not distinct from $4::text and (state not in ('pending', 'sending')
        or first_sent_at <= $3::timestamptz - $5::int * interval '1 hour')`,
    values: [doubt.identifiers, doubt.state, doubt.now, doubt.decision, resendHoursMax],
  });

/** Reports of one customer and meter that are in doubt for one reason, and the minutes that hold them. */
export interface DoubtedLaneRow extends LaneSpan {
  state: DoubtState;
  /** Of the oldest doubt. */
  since: Date;
  windowCount: number;
}

export interface DoubtedLaneKey {
  since: Date;
  stripeCustomerId: string;
  meterEventName: string;
  state: DoubtState;
}

const minutes = `date_trunc('minute', min(r.event_at)) as "from",
  date_trunc('minute', max(r.event_at)) + interval '1 minute' as until`;

/** Lanes with reports in doubt, the oldest doubt first, those that come after `after`. */
export const listDoubtedLanes = (
  q: Queryable,
  page: {
    accountId: string | null;
    state: DoubtState | null;
    after: DoubtedLaneKey | null;
    limit: number;
  },
): Promise<DoubtedLaneRow[]> =>
  q.rows("usageReportDoubts.listLanes", {
    text: `select * from (
      select r.stripe_customer_id as "stripeCustomerId", r.meter_event_name as "meterEventName",
        m.stripe_meter_id as "stripeMeterId", r.report_mode as "reportMode", ${doubtState} as state,
        date_trunc('milliseconds', min(r.doubted_at)) as since, count(*) as "windowCount", ${minutes}
      from usage_reports r join metrics m on m.metric = r.metric and m.stripe_meter_id is not null
      where r.doubted_at is not null and ($1::text is null or r.account_id = $1::text)
      group by 1, 2, 3, 4, 5) lane
    where ($2::text is null or state = $2::text) and ($3::timestamptz is null
      or (since, "stripeCustomerId", "meterEventName", state) > ($3::timestamptz, $4::text, $5::text, $6::text))
    order by since, "stripeCustomerId", "meterEventName", state limit $7::int`,
    values: [
      page.accountId,
      page.state,
      page.after?.since ?? null,
      page.after?.stripeCustomerId ?? null,
      page.after?.meterEventName ?? null,
      page.after?.state ?? null,
      page.limit,
    ],
  });

export interface DoubtedReportRow {
  identifier: string;
  stripeCustomerId: string;
  meterEventName: string;
  state: DoubtState;
  accountId: string;
  metric: string;
  periodStart: Date;
  isPeriodClosed: boolean;
  fromQuantity: number;
  toQuantity: number;
  eventAt: Date;
  firstSentAt: Date | null;
  sentAt: Date | null;
  comparisons: number;
  lastError: string | null;
  doubtedAt: Date;
}

/** The windows in doubt of these lanes, of each the first by the instants they carry. */
export const listDoubtedReports = (
  q: Queryable,
  lanes: readonly Pick<DoubtedLaneKey, "stripeCustomerId" | "meterEventName" | "state">[],
): Promise<DoubtedReportRow[]> =>
  q.rows("usageReportDoubts.listReports", {
    text: `select * from (
      select r.identifier, r.stripe_customer_id as "stripeCustomerId", r.meter_event_name as "meterEventName",
        lane.state, r.account_id as "accountId", r.metric, r.period_start as "periodStart",
        coalesce(p.closed_at is not null, true) as "isPeriodClosed", r.from_quantity as "fromQuantity",
        r.to_quantity as "toQuantity", r.event_at as "eventAt", r.first_sent_at as "firstSentAt", r.sent_at as "sentAt",
        r.compare_tries as comparisons, r.last_error as "lastError", r.doubted_at as "doubtedAt",
        row_number() over (partition by r.stripe_customer_id, r.meter_event_name, lane.state
          order by r.event_at, r.identifier) as "place"
      from unnest($1::text[], $2::text[], $3::text[]) as lane (customer_id, event_name, state)
      join usage_reports r on r.stripe_customer_id = lane.customer_id and r.meter_event_name = lane.event_name
        and r.doubted_at is not null and (${doubtState}) = lane.state
      left join usage_periods p on p.account_id = r.account_id and p.period_start = r.period_start) window_
    where place <= $4::int order by place`,
    values: [
      lanes.map(({ stripeCustomerId }) => stripeCustomerId),
      lanes.map(({ meterEventName }) => meterEventName),
      lanes.map(({ state }) => state),
      doubtedWindowsMax,
    ],
  });

/** A report that a person decides, and the minute that holds it. */
export interface DecidableReportRow extends LaneSpan {
  identifier: string;
  accountId: string;
  metric: string;
  fromQuantity: number;
  toQuantity: number;
  reportMode: ReportMode;
  state: "pending" | "sending" | "sent" | "confirmed" | "failed" | "replaced";
  decision: ReportDecision | null;
}

/** Null: there is no such report, or its metric has no meter. */
export const findDecidableReport = (q: Queryable, identifier: string): Promise<DecidableReportRow | null> =>
  q.row(
    "usageReportDoubts.find",
    sql`select r.identifier, r.account_id as "accountId", r.metric, r.from_quantity as "fromQuantity",
      r.to_quantity as "toQuantity", r.report_mode as "reportMode", r.state, r.decision,
      r.stripe_customer_id as "stripeCustomerId", r.meter_event_name as "meterEventName",
      m.stripe_meter_id as "stripeMeterId", date_trunc('minute', r.event_at) as "from",
      date_trunc('minute', r.event_at) + interval '1 minute' as until
    from usage_reports r join metrics m on m.metric = r.metric and m.stripe_meter_id is not null
    where r.identifier = ${identifier}::text`,
  );

/**
 * A person's word on a report in doubt. At Stripe: confirmed, nothing is compared or sent any more. Missing: failed and
 * released, so that it is told again as any other that got lost. @returns 0 where it is not in doubt (any more).
 */
export const updateDecided = (
  q: Queryable,
  decided: { identifier: string; decision: ReportDecision; now: Date },
): Promise<number> =>
  decided.decision === "at-stripe"
    ? q.run(
        "usageReportDoubts.updateAtStripe",
        sql`update usage_reports set state = 'confirmed', decision = 'at-stripe', doubted_at = null, last_error = null,
          sent_at = coalesce(sent_at, ${decided.now}::timestamptz), confirmed_at = ${decided.now}::timestamptz,
          compare_at = null, released_at = null
        where identifier = ${decided.identifier}::text and doubted_at is not null`,
      )
    : q.run(
        "usageReportDoubts.updateMissing",
        sql`update usage_reports set state = 'failed', decision = 'missing', doubted_at = null, compare_at = null,
          last_error = 'missing: an operator says that Stripe does not have it',
          released_at = ${decided.now}::timestamptz
        where identifier = ${decided.identifier}::text and doubted_at is not null`,
      );
