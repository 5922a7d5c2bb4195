import { textArray } from "../array-text.ts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A period that is compared. */
export interface PeriodKey {
  accountId: string;
  periodStart: Date;
}

/** All that Postgres knows of one metric of a period. Quantities are in the metric's unit. */
export interface MetricFiguresRow extends PeriodKey {
  metric: string;
  periodEnd: Date;
  closedAt: Date | null;
  stripeSubscriptionId: string | null;
  isBilled: boolean;
  isTrial: boolean;
  totalQuantity: number;
  totalEvents: number;
  sentQuantity: number;
  confirmedQuantity: number;
  openQuantity: number;
  failedQuantity: number;
  adjustedQuantity: number;
  isAdjusting: boolean;
  /** Events that were set aside and wait for a decision. */
  setAsideEvents: number;
}

const columnsOf = (keys: readonly PeriodKey[]) =>
  [textArray(keys.map(({ accountId }) => accountId)), keys.map(({ periodStart }) => periodStart)] as const;

/** The figures of these periods, for each metric that there is. A period that is no more is left out. */
export const listFigures = (q: Queryable, keys: readonly PeriodKey[]): Promise<MetricFiguresRow[]> => {
  const [accountIds, starts] = columnsOf(keys);
  return q.rows(
    "reconciliationFigures.list",
    sql`select p.account_id as "accountId", p.period_start as "periodStart", p.period_end as "periodEnd", m.metric,
      p.closed_at as "closedAt", p.stripe_subscription_id as "stripeSubscriptionId",
      p.stripe_subscription_id is not null and coalesce(l.overage_policy = 'bill', false) as "isBilled",
      exists (select from user_subscriptions u where u.stripe_subscription_id = p.stripe_subscription_id
        and u.trial_ends_at >= p.period_end) as "isTrial",
      coalesce(t.quantity, 0) as "totalQuantity", coalesce(t.event_count, 0) as "totalEvents",
      coalesce(r.sent, 0) as "sentQuantity", coalesce(r.confirmed, 0) as "confirmedQuantity",
      coalesce(r.open, 0) as "openQuantity", coalesce(r.failed, 0) as "failedQuantity",
      coalesce(a.quantity, 0) as "adjustedQuantity",
      exists (select from usage_adjustment_checks c where c.account_id = p.account_id and c.period_start = p.period_start)
        as "isAdjusting",
      coalesce(s.events, 0) as "setAsideEvents"
    from unnest(${accountIds}::text[], ${starts}::timestamptz[]) as k (account_id, period_start)
    join usage_periods p on p.account_id = k.account_id and p.period_start = k.period_start
    cross join metrics m
    left join plan_limits l on l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.metric = m.metric
    left join usage_totals t on t.account_id = p.account_id and t.metric = m.metric and t.period_start = p.period_start
    left join lateral (select
        (sum(to_quantity - from_quantity) filter (where state in ('sent', 'confirmed')))::bigint as sent,
        (sum(to_quantity - from_quantity) filter (where state = 'confirmed'))::bigint as confirmed,
        (sum(to_quantity - from_quantity) filter (where state in ('pending', 'sending')))::bigint as open,
        (sum(to_quantity - from_quantity) filter (where state = 'failed'))::bigint as failed
      from usage_reports r where r.account_id = p.account_id and r.metric = m.metric and r.period_start = p.period_start) r
      on true
    left join lateral (select sum(to_quantity - from_quantity)::bigint as quantity from usage_adjustments a
      where a.account_id = p.account_id and a.metric = m.metric and a.period_start = p.period_start) a on true
    left join lateral (select count(*) as events from usage_quarantine q where q.account_id = p.account_id
      and q.metric = m.metric and q.replayed_at is null and q.discarded_at is null
      and to_timestamp((q.payload ->> 'occurredAtMs')::bigint / 1000.0) >= p.period_start
      and to_timestamp((q.payload ->> 'occurredAtMs')::bigint / 1000.0) < p.period_end) s on true`,
  );
};

export interface TotalRow extends PeriodKey {
  metric: string;
  quantity: number;
}

/** The totals of these periods now. */
export const listTotals = (q: Queryable, keys: readonly PeriodKey[]): Promise<TotalRow[]> => {
  const [accountIds, starts] = columnsOf(keys);
  return q.rows(
    "reconciliationFigures.listTotals",
    sql`select t.account_id as "accountId", t.period_start as "periodStart", t.metric, t.quantity
    from unnest(${accountIds}::text[], ${starts}::timestamptz[]) as k (account_id, period_start)
    cross join metrics m
    join usage_totals t on t.account_id = k.account_id and t.metric = m.metric and t.period_start = k.period_start`,
  );
};

/** Which of these accounts have corrections that Redis has not taken yet. */
export const listUncorrectedAccounts = async (
  q: Queryable,
  accountIds: readonly string[],
): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "reconciliationFigures.listUncorrected",
    sql`select distinct account_id as "accountId" from usage_corrections where account_id = any(${accountIds}::text[])`,
  );
  return rows.map(({ accountId }) => accountId);
};

/** A metered line of one of these accounts; `isDraft`: of an invoice that is not final. */
export interface InvoicedLineRow {
  accountId: string;
  stripeSubscriptionId: string | null;
  metric: string;
  quantity: number;
  periodStart: Date;
  periodEnd: Date;
  isDraft: boolean;
}

/** Metered lines of these accounts' invoices since `since`: of drafts, and of all that were final once. */
export const listInvoicedLines = (
  q: Queryable,
  accountIds: readonly string[],
  since: Date,
): Promise<InvoicedLineRow[]> =>
  q.rows(
    "reconciliationFigures.listInvoicedLines",
    sql`select i.account_id as "accountId", i.stripe_subscription_id as "stripeSubscriptionId", line ->> 'metric' as metric,
      (line ->> 'quantity')::bigint as quantity, (line ->> 'periodStart')::timestamptz as "periodStart",
      (line ->> 'periodEnd')::timestamptz as "periodEnd", i.status = 'draft' as "isDraft"
    from invoices i cross join jsonb_array_elements(i.lines) as line
    where i.account_id = any(${accountIds}::text[]) and i.created_at >= ${since}::timestamptz
      and (i.status <> 'void' or i.finalized_at is not null)
      and line ->> 'metric' is not null and line ->> 'quantity' is not null`,
  );
