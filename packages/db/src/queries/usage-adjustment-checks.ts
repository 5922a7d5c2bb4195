import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import { carriedText, earlierPartsText } from "./carried-usage.ts";

/** A billed total of a closed period, with all that decides what is still to be billed of it. */
export interface ClosedTotalRow {
  accountId: string;
  metric: string;
  periodStart: Date;
  periodEnd: Date;
  totalQuantity: number;
  /** Where a close has ended a subscription unverified, no invoice is known to say what it took: what was sent by then. */
  sentQuantity: number;
  /** Of all parts of the period that bill the metric. */
  closeSentQuantity: number;
  /** Whether the close was about this period alone; the plan did not change in it. */
  isWholePeriod: boolean;
  /** Up to where adjustments reach; null before the first. */
  adjustedQuantity: number | null;
  /** What earlier parts of the billing period have used on the same plan, and how much of it adjustments reach. */
  carriedQuantity: number;
  adjustedCarried: number;
  windowCount: number;
  isMismatched: boolean;
  /** Null: the close has no invoice. */
  invoiceId: string | null;
  /** What that invoice bills of the metric; null while it is a draft or not mirrored. */
  invoicedQuantity: number | null;
  includedQuantity: number;
  overageAmountMinor: number;
  overagePerUnits: number;
  currency: string;
  stripeSubscriptionId: string;
  stripeCustomerId: string;
}

/** The billed totals of a closed period of a subscription, by metric; none for any other period. */
export const listClosedTotals = (
  q: Queryable,
  { accountId, periodStart }: { accountId: string; periodStart: Date },
): Promise<ClosedTotalRow[]> =>
  q.rows("usageAdjustmentChecks.listClosedTotals", {
    text: `with part as (
      select p.*, a.stripe_customer_id, c.invoice_id, c.mismatch, c.closed_at as verified_at, c.period_start as close_start, c.period_end as close_end
      from usage_periods p join accounts a on a.account_id = p.account_id
      left join period_closes c on c.stripe_subscription_id = p.stripe_subscription_id
        and p.period_end > c.period_start and p.period_end <= c.period_end
      where p.account_id = $1::text and p.period_start = $2::timestamptz
        and p.closed_at is not null and p.stripe_subscription_id is not null and a.stripe_customer_id is not null
        and not exists (select from user_subscriptions s where s.stripe_subscription_id = p.stripe_subscription_id
          and s.trial_ends_at >= p.period_end)
    )
    select part.account_id as "accountId", l.metric, part.period_start as "periodStart", part.period_end as "periodEnd",
      coalesce(t.quantity, 0) as "totalQuantity", own.quantity as "sentQuantity",
      coalesce(parts.quantity, own.quantity) as "closeSentQuantity",
      coalesce(part.period_start = part.close_start and part.period_end = part.close_end, true) as "isWholePeriod",
      w.to_quantity as "adjustedQuantity", coalesce(w.to_carried, 0) as "adjustedCarried",
      ${carriedText("part", "l.metric")} as "carriedQuantity", coalesce(w.window_no, 0) as "windowCount",
      part.close_start is not null and (part.verified_at is null or part.mismatch is not null) as "isMismatched", part.invoice_id as "invoiceId",
      invoiced.quantity as "invoicedQuantity", l.included_quantity as "includedQuantity",
      l.overage_amount_minor as "overageAmountMinor", l.overage_per_units as "overagePerUnits", s.currency,
      part.stripe_subscription_id as "stripeSubscriptionId", part.stripe_customer_id as "stripeCustomerId"
    from part
    join plan_limits l on l.plan_id = part.plan_id and l.plan_version = part.plan_version and l.overage_policy = 'bill'
    join metrics m on m.metric = l.metric
    join subscription_plans s on s.plan_id = part.plan_id and s.version = part.plan_version
    left join usage_totals t on t.account_id = part.account_id and t.metric = l.metric
      and t.period_start = part.period_start
    cross join lateral (select coalesce(case m.report_mode
        when 'last' then (array_agg(r.to_quantity order by r.window_no desc))[1]
        else sum(r.to_quantity - r.from_quantity) end, 0)::bigint as quantity
      from usage_reports r where r.account_id = part.account_id and r.metric = l.metric
        and r.period_start = part.period_start and r.state in ('sent', 'confirmed')
        and (part.mismatch is null or part.invoice_id is not null
          or r.sent_at <= coalesce(part.verified_at, 'infinity'))) own
    cross join lateral (select sum(sent.quantity)::bigint as quantity
      from usage_periods p
      join plan_limits k on k.plan_id = p.plan_id and k.plan_version = p.plan_version and k.metric = l.metric
        and k.overage_policy = 'bill'
      cross join lateral (select coalesce(case m.report_mode
        when 'last' then (array_agg(r.to_quantity order by r.window_no desc))[1]
        else sum(r.to_quantity - r.from_quantity) end, 0)::bigint as quantity
        from usage_reports r where r.account_id = p.account_id and r.metric = k.metric
          and r.period_start = p.period_start and r.state in ('sent', 'confirmed')) sent
      where p.account_id = part.account_id and p.stripe_subscription_id = part.stripe_subscription_id
        and p.period_end > part.close_start and p.period_end <= part.close_end) parts
    left join lateral (select a.to_quantity, a.to_carried, a.window_no from usage_adjustments a where a.account_id = part.account_id
      and a.metric = l.metric and a.period_start = part.period_start order by a.window_no desc limit 1) w on true
    left join lateral (select coalesce(sum((line ->> 'quantity')::bigint), 0)::bigint as quantity
      from invoices i left join lateral jsonb_array_elements(i.lines) line
        on line ->> 'metric' = l.metric and not (line ->> 'isProration')::boolean
      where i.invoice_id = part.invoice_id and i.status <> 'draft' group by i.invoice_id) invoiced on true
    order by l.metric`,
    values: [accountId, periodStart],
  });

/** Closed periods that were marked before `markedBefore` (business time) and are not waiting for a next try. */
export const listDueChecks = (
  q: Queryable,
  due: { markedBefore: Date; wallNow: Date; limit: number },
): Promise<{ accountId: string; periodStart: Date }[]> =>
  q.rows(
    "usageAdjustmentChecks.listDueChecks",
    sql`select account_id as "accountId", period_start as "periodStart" from usage_adjustment_checks
    where marked_at <= ${due.markedBefore}::timestamptz and next_try_at <= ${due.wallNow}::timestamptz
    order by marked_at limit ${due.limit}::int`,
  );

/**
 * Marks closed periods of subscriptions whose totals have changed, and later parts of their billing periods that are
 * closed; what is marked already stays as it is.
 */
export const markClosedPeriods = (
  q: Queryable,
  marks: { accountIds: readonly string[]; periodStarts: readonly Date[]; now: Date },
): Promise<number> =>
  q.run("usageAdjustmentChecks.markClosed", {
    text: `with changed as (
      select p.* from unnest($1::text[], $2::timestamptz[]) as w (account_id, period_start)
      join usage_periods p on p.account_id = w.account_id and p.period_start = w.period_start
      where p.stripe_subscription_id is not null
    ), touched as (
      select * from changed
      union all select p.* from changed c join usage_periods p on ${earlierPartsText("c", "p")}
    )
    insert into usage_adjustment_checks (account_id, period_start, marked_at)
    select p.account_id, p.period_start, $3::timestamptz from touched p
    where p.closed_at is not null and exists (select from plan_limits l
      where l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.overage_policy = 'bill')
    group by p.account_id, p.period_start order by p.account_id, p.period_start
    on conflict do nothing`,
    values: [marks.accountIds, marks.periodStarts, marks.now],
  });

/** Whether a later part of the same billing period is on the same plan, and open. */
export const hasOpenLaterPart = async (
  q: Queryable,
  { accountId, periodStart }: { accountId: string; periodStart: Date },
): Promise<boolean> =>
  (await q.row("usageAdjustmentChecks.hasOpenLaterPart", {
    text: `select 1 from usage_periods e join usage_periods p on p.closed_at is null and ${earlierPartsText("e", "p")}
    where e.account_id = $1::text and e.period_start = $2::timestamptz limit 1`,
    values: [accountId, periodStart],
  })) !== null;

/** Takes a mark away: what it stood for is written. */
export const deleteCheck = (q: Queryable, check: { accountId: string; periodStart: Date }): Promise<number> =>
  q.run(
    "usageAdjustmentChecks.deleteCheck",
    sql`delete from usage_adjustment_checks
    where account_id = ${check.accountId}::text and period_start = ${check.periodStart}::timestamptz`,
  );

/** Looks at a mark again at `nextTryAt` (wall time). */
export const updateCheckRetry = (
  q: Queryable,
  check: { accountId: string; periodStart: Date; nextTryAt: Date },
): Promise<number> =>
  q.run(
    "usageAdjustmentChecks.updateCheckRetry",
    sql`update usage_adjustment_checks set next_try_at = ${check.nextTryAt}::timestamptz
    where account_id = ${check.accountId}::text and period_start = ${check.periodStart}::timestamptz`,
  );
