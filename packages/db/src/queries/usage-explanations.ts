import type { PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import { carriedText } from "./carried-usage.ts";

/** A part of an account's time with its total of one metric, and what of it was reported. */
export interface ExplainedSegmentRow {
  periodStart: Date;
  periodEnd: Date;
  planId: PlanId;
  planVersion: number;
  stripeSubscriptionId: string | null;
  closedAt: Date | null;
  totalQuantity: number;
  /** What earlier parts of its billing period have used on the same plan. */
  carriedQuantity: number;
  eventCount: number;
  /** Of the windows that Stripe has. */
  reportedQuantity: number;
  reportCount: number;
}

const segments = `select p.period_start as "periodStart", p.period_end as "periodEnd", p.plan_id as "planId",
    p.plan_version as "planVersion", p.stripe_subscription_id as "stripeSubscriptionId", p.closed_at as "closedAt",
    ${carriedText("p", "$2::text")} as "carriedQuantity", coalesce(t.quantity, 0) as "totalQuantity", coalesce(t.event_count, 0) as "eventCount",
    coalesce(r.quantity, 0) as "reportedQuantity", coalesce(r.count, 0) as "reportCount"
  from usage_periods p
  left join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start and t.metric = $2::text
  left join lateral (select count(*) as count,
      (sum(to_quantity - from_quantity) filter (where state in ('sent', 'confirmed')))::bigint as quantity
    from usage_reports r where r.account_id = p.account_id and r.metric = $2::text
      and r.period_start = p.period_start) r on true
  where p.account_id = $1::text`;

/** The periods of an account that begin in `[from, until)`, oldest first, with one metric's figures. */
export const listSegments = (
  q: Queryable,
  of: { accountId: string; metric: string; from: Date; until: Date },
): Promise<ExplainedSegmentRow[]> =>
  q.rows("usageExplanations.listSegments", {
    text: `${segments} and p.period_start >= $3::timestamptz and p.period_start < $4::timestamptz order by p.period_start`,
    values: [of.accountId, of.metric, of.from, of.until],
  });

/** The period that holds an instant; null outside of the account's time. */
export const findSegmentAt = (
  q: Queryable,
  of: { accountId: string; metric: string; at: Date },
): Promise<ExplainedSegmentRow | null> =>
  q.row("usageExplanations.findSegmentAt", {
    text: `${segments} and p.period_start <= $3::timestamptz and p.period_end > $3::timestamptz`,
    values: [of.accountId, of.metric, of.at],
  });

/** One window as it went to Stripe's meter. */
export interface ExplainedReportRow {
  identifier: string;
  periodStart: Date;
  windowNo: number;
  fromQuantity: number;
  toQuantity: number;
  state: string;
  eventAt: Date;
  createdAt: Date;
  sentAt: Date | null;
}

/** Windows of these periods in the order in which they were frozen, behind `after`. */
export const listReports = (
  q: Queryable,
  of: { accountId: string; metric: string; periodStarts: readonly Date[] },
  page: { after: { periodStart: Date; windowNo: number; identifier: string } | null; limit: number },
): Promise<ExplainedReportRow[]> =>
  q.rows(
    "usageExplanations.listReports",
    sql`select identifier, period_start as "periodStart", window_no as "windowNo", from_quantity as "fromQuantity",
      to_quantity as "toQuantity", state, event_at as "eventAt", created_at as "createdAt", sent_at as "sentAt"
    from usage_reports where account_id = ${of.accountId}::text and metric = ${of.metric}::text
      and period_start = any(${of.periodStarts}::timestamptz[])
      and (period_start, window_no, identifier) > (${page.after?.periodStart ?? new Date(0)}::timestamptz,
        ${page.after?.windowNo ?? 0}::int, ${page.after?.identifier ?? ""}::text)
    order by period_start, window_no, identifier limit ${page.limit}::int`,
  );

/** A metered line of an invoice that was not voided. */
export interface MeteredLineRow {
  invoiceId: string;
  invoiceStatus: string;
  stripeSubscriptionId: string | null;
  lineId: string;
  metric: string;
  quantity: number;
  amountMinor: number;
  periodStart: Date;
  periodEnd: Date;
}

/** The metered lines of an account whose own period touches `[from, until)`, by metric. */
export const listMeteredLines = (
  q: Queryable,
  of: { accountId: string; metric: string; from: Date; until: Date },
): Promise<MeteredLineRow[]> =>
  q.rows(
    "usageExplanations.listMeteredLines",
    sql`select * from (
      select i.invoice_id as "invoiceId", i.status as "invoiceStatus", i.stripe_subscription_id as "stripeSubscriptionId",
        line ->> 'lineId' as "lineId", line ->> 'metric' as metric, (line ->> 'quantity')::bigint as quantity,
        (line ->> 'amountMinor')::bigint as "amountMinor", (line ->> 'periodStart')::timestamptz as "periodStart",
        (line ->> 'periodEnd')::timestamptz as "periodEnd"
      from invoices i cross join jsonb_array_elements(i.lines) as line
      where i.account_id = ${of.accountId}::text and i.status <> 'void' and line ->> 'metric' = ${of.metric}::text
        and line ->> 'quantity' is not null) lines
    where "periodStart" < ${of.until}::timestamptz and "periodEnd" > ${of.from}::timestamptz
    order by "periodStart", "invoiceId"`,
  );

export interface StoredEventRow {
  id: string;
  metric: string;
  quantity: number;
  occurredAt: Date;
  receivedAt: Date;
}

/** The record of an event id; of two generations the newer one, which decides. */
export const findRecord = (
  q: Queryable,
  accountId: string,
  eventId: string,
): Promise<StoredEventRow | null> =>
  q.row(
    "usageExplanations.findRecord",
    sql`select event_id as id, metric, quantity, occurred_at as "occurredAt", received_at as "receivedAt"
    from usage_records where account_id = ${accountId}::text and event_id = ${eventId}::text
    order by generation desc limit 1`,
  );

export interface SetAsideEventRow {
  quarantineId: number;
  metric: string | null;
  reason: string;
  detail: string;
  receivedAt: Date | null;
  quarantinedAt: Date;
  replayedAt: Date | null;
}

/** What was set aside under an event id, the newest first. */
export const listSetAside = (
  q: Queryable,
  accountId: string,
  eventId: string,
  limit: number,
): Promise<SetAsideEventRow[]> =>
  q.rows(
    "usageExplanations.listSetAside",
    sql`select quarantine_id as "quarantineId", metric, reason, detail, received_at as "receivedAt",
      quarantined_at as "quarantinedAt", replayed_at as "replayedAt"
    from usage_quarantine where account_id = ${accountId}::text and event_id = ${eventId}::text
    order by quarantine_id desc limit ${limit}::int`,
  );

/** What a period's total holds beyond what was billed of it: ADR 0019. */
export interface ExplainedAdjustmentRow {
  adjustmentId: string;
  periodStart: Date;
  fromQuantity: number;
  toQuantity: number;
  amountMinor: number;
  reason: string;
  state: string;
  stripeInvoiceId: string | null;
  createdAt: Date;
}

/** The adjustments of these periods of a metric, in the order of their windows. */
export const listAdjustments = (
  q: Queryable,
  of: { accountId: string; metric: string; periodStarts: readonly Date[] },
): Promise<ExplainedAdjustmentRow[]> =>
  q.rows(
    "usageExplanations.listAdjustments",
    sql`select adjustment_id as "adjustmentId", period_start as "periodStart", from_quantity as "fromQuantity",
      to_quantity as "toQuantity", amount_minor as "amountMinor", reason, state, stripe_invoice_id as "stripeInvoiceId",
      created_at as "createdAt"
    from usage_adjustments where account_id = ${of.accountId}::text and metric = ${of.metric}::text
      and period_start = any(${of.periodStarts}::timestamptz[]) order by period_start, window_no limit 1000`,
  );

/** Whether a period was a trial: its usage is not billed (ADR 0027). */
export const isTrialPeriod = async (
  q: Queryable,
  period: { stripeSubscriptionId: string | null; periodEnd: Date },
): Promise<boolean> =>
  (await q.row(
    "usageExplanations.isTrial",
    sql`select 1 from user_subscriptions where stripe_subscription_id = ${period.stripeSubscriptionId}::text
      and trial_ends_at >= ${period.periodEnd}::timestamptz`,
  )) !== null;
