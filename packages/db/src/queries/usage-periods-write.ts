import type { PlanId, SubscriptionStatus } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { earlierPartsText } from "./carried-usage.ts";
import { sql } from "../sql.ts";

/** A row as the tiling sees it; `start` and `end` are half open. */
export interface PeriodTileRow {
  start: Date;
  end: Date;
  planId: PlanId;
  planVersion: number;
  stripeSubscriptionId: string | null;
  /** Of the subscription's period that it lies in; null on Free. */
  billingStart: Date | null;
  closedAt: Date | null;
}

export interface TilingSubscriptionRow {
  stripeSubscriptionId: string;
  planId: PlanId;
  planVersion: number;
  rank: number;
  status: SubscriptionStatus;
  periodStart: Date;
  periodEnd: Date;
  startedAt: Date;
  planChangedAt: Date | null;
  /** The earliest of: ended_at, cancel_at, the period's end where it is set to end there, a cancellation under way. */
  endsAt: Date | null;
  pendingPlanId: PlanId | null;
  pendingPlanVersion: number | null;
  /** The cut of an upgrade that is being made; null where none is. */
  changeAt: Date | null;
  changePlanId: PlanId | null;
  changePlanVersion: number | null;
  changeRank: number | null;
}

/**
 * The account's periods that a change of plan can touch, oldest first: all from the last closed one on, and those that
 * end after `since`.
 */
export const listTiles = (q: Queryable, accountId: string, since: Date): Promise<PeriodTileRow[]> =>
  q.rows(
    "usagePeriods.listTiles",
    sql`select period_start as "start", period_end as "end", plan_id as "planId", plan_version as "planVersion",
      stripe_subscription_id as "stripeSubscriptionId", billing_start as "billingStart", closed_at as "closedAt"
    from usage_periods where account_id = ${accountId}::text and (period_end > ${since}::timestamptz
      or period_start >= least(
        (select max(period_start) from usage_periods where account_id = ${accountId}::text and closed_at is not null),
        (select min(period_start) from usage_periods where account_id = ${accountId}::text and closed_at is null)))
    order by period_start`,
  );

/** Every subscription that the account ever had, with what decides its periods. */
export const listTilingSubscriptions = (q: Queryable, accountId: string): Promise<TilingSubscriptionRow[]> =>
  q.rows(
    "usagePeriods.listTilingSubscriptions",
    sql`select s.stripe_subscription_id as "stripeSubscriptionId", s.plan_id as "planId", s.plan_version as "planVersion",
      p.rank, s.status, s.period_start as "periodStart", s.period_end as "periodEnd", s.started_at as "startedAt",
      s.plan_changed_at as "planChangedAt",
      least(s.ended_at, s.cancel_at, case when s.cancel_at_period_end then s.period_end end,
        (select min(c.period_end) from period_closes c
          where c.stripe_subscription_id = s.stripe_subscription_id and c.ending = 'cancel')) as "endsAt",
      s.pending_plan_id as "pendingPlanId", n.version as "pendingPlanVersion", g.effective_at as "changeAt",
      g.to_plan_id as "changePlanId", g.to_plan_version as "changePlanVersion", t.rank as "changeRank"
    from user_subscriptions s
    join subscription_plans p on p.plan_id = s.plan_id and p.version = s.plan_version
    left join subscription_plans n on n.plan_id = s.pending_plan_id
      and case when s.pending_plan_version is null then n.is_current else n.version = s.pending_plan_version end
    left join plan_changes g on g.account_id = s.account_id and g.finished_at is null and g.is_cut
      and g.stripe_subscription_id = s.stripe_subscription_id
    left join subscription_plans t on t.plan_id = g.to_plan_id and t.version = g.to_plan_version
    where s.account_id = ${accountId}::text`,
  );

/** Removes the open periods that begin at these instants. */
export const deletePeriods = (q: Queryable, accountId: string, starts: readonly Date[]): Promise<number> =>
  q.run(
    "usagePeriods.deleteMany",
    sql`delete from usage_periods where account_id = ${accountId}::text and period_start = any(${starts}::timestamptz[])
      and closed_at is null`,
  );

/** Writes periods as they should be; a closed one stays as it is. */
export const upsertPeriods = (
  q: Queryable,
  accountId: string,
  tiles: readonly PeriodTileRow[],
): Promise<number> =>
  q.run(
    "usagePeriods.upsertMany",
    sql`insert into usage_periods as u (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id,
      billing_start)
    select ${accountId}::text, * from unnest(${tiles.map((tile) => tile.start)}::timestamptz[],
      ${tiles.map((tile) => tile.end)}::timestamptz[], ${tiles.map((tile) => tile.planId)}::text[],
      ${tiles.map((tile) => tile.planVersion)}::int[], ${tiles.map((tile) => tile.stripeSubscriptionId)}::text[],
      ${tiles.map((tile) => tile.billingStart)}::timestamptz[])
    on conflict (account_id, period_start) do update set period_end = excluded.period_end, plan_id = excluded.plan_id,
      plan_version = excluded.plan_version, stripe_subscription_id = excluded.stripe_subscription_id,
      billing_start = excluded.billing_start
    where u.closed_at is null`,
  );

/** Whether any total of the account holds an event at or after `since`. */
export const hasUsageSince = async (q: Queryable, accountId: string, since: Date): Promise<boolean> =>
  (await q.row(
    "usagePeriods.hasUsageSince",
    sql`select 1 from usage_totals where account_id = ${accountId}::text and last_occurred_at >= ${since}::timestamptz limit 1`,
  )) !== null;

/** Removes the totals of the periods that begin at these instants, with the values that `unique` ones have seen. */
export const deleteTotals = (q: Queryable, accountId: string, starts: readonly Date[]): Promise<number> =>
  q.run(
    "usagePeriods.deleteTotals",
    sql`with forgotten as (delete from usage_unique_values
      where account_id = ${accountId}::text and period_start = any(${starts}::timestamptz[]))
    delete from usage_totals where account_id = ${accountId}::text and period_start = any(${starts}::timestamptz[])`,
  );

/** What a period's totals are made of: the records of `[from, until)`, for each of its spans. */
export interface TotalSpan {
  periodStart: Date;
  from: Date;
  until: Date;
}

/** Makes totals anew from the stored events of their spans, by each metric's aggregation. */
export const insertTotalsFromRecords = (
  q: Queryable,
  accountId: string,
  spans: readonly TotalSpan[],
): Promise<number> =>
  q.run(
    "usagePeriods.insertTotalsFromRecords",
    sql`with counted as (
      select r.metric, r.quantity, r.occurred_at, r.received_at, r.properties, span.period_start, m.aggregation, m.unique_property
      from unnest(${spans.map((span) => span.periodStart)}::timestamptz[], ${spans.map((span) => span.from)}::timestamptz[],
        ${spans.map((span) => span.until)}::timestamptz[]) as span (period_start, since, until)
      join usage_records r on r.account_id = ${accountId}::text and r.occurred_at >= span.since and r.occurred_at < span.until
      join metrics m on m.metric = r.metric
    ), seen as (
      insert into usage_unique_values (account_id, metric, period_start, value)
      select distinct ${accountId}::text, metric, period_start, properties ->> unique_property from counted
      where aggregation = 'unique' and properties ->> unique_property is not null
      on conflict do nothing
    )
    insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    select ${accountId}::text, metric, period_start,
      case aggregation when 'sum' then sum(quantity) when 'max' then max(quantity)
        when 'last' then (array_agg(quantity order by occurred_at desc, received_at desc))[1]
        when 'unique' then count(distinct properties ->> unique_property) else count(*) end,
      count(*), max(occurred_at)
    from counted group by metric, aggregation, unique_property, period_start`,
  );

/**
 * Closes an open period; nothing happens where it is closed or is no more. One that bills usage is looked at afterwards,
 * and so are later parts of its billing period: what was not billed by their close is adjusted. @returns the rows that were closed now.
 */
export const updatePeriodClosed = (
  q: Queryable,
  period: { accountId: string; periodStart: Date; now: Date },
): Promise<number> =>
  q.run("usagePeriods.updateClosed", {
    text: `with closed as (
      update usage_periods set closed_at = $3::timestamptz where account_id = $1::text and period_start = $2::timestamptz
        and closed_at is null
      returning account_id, period_start, plan_id, plan_version, stripe_subscription_id, billing_start
    ), touched as (
      select account_id, period_start, plan_id, plan_version from closed where stripe_subscription_id is not null
      union all select p.account_id, p.period_start, p.plan_id, p.plan_version from closed c
        join usage_periods p on p.closed_at is not null and ${earlierPartsText("c", "p")}
    ), marked as (
      insert into usage_adjustment_checks (account_id, period_start, marked_at)
      select account_id, period_start, $3::timestamptz from touched c
      where exists (select from plan_limits l where l.plan_id = c.plan_id
        and l.plan_version = c.plan_version and l.overage_policy = 'bill')
      on conflict do nothing
    )
    select from closed`,
    values: [period.accountId, period.periodStart, period.now],
  });

/**
 * Accounts with an open period that ended before `endedBefore` and bills no usage, or before `abandonedBefore` whatever
 * it bills: what bills usage is otherwise closed by its invoice (period_closes).
 */
export const listAccountsToRoll = async (
  q: Queryable,
  due: { endedBefore: Date; abandonedBefore: Date; limit: number },
): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "usagePeriods.listAccountsToRoll",
    sql`select distinct account_id as "accountId" from (
      select account_id from usage_periods u where closed_at is null and period_end <= ${due.endedBefore}::timestamptz
        and (period_end <= ${due.abandonedBefore}::timestamptz or not exists (select from plan_limits l
          where l.plan_id = u.plan_id and l.plan_version = u.plan_version and l.overage_policy = 'bill'
            and not exists (select from user_subscriptions s where s.stripe_subscription_id = u.stripe_subscription_id
              and s.trial_ends_at >= u.period_end)))
        and not exists (select from plan_changes g where g.account_id = u.account_id and g.finished_at is null and g.is_cut
          and g.effective_at <= u.period_end)
      order by period_end limit ${due.limit}::int) due`,
  );
  return rows.map((row) => row.accountId);
};

export interface EndedPeriodRow {
  periodStart: Date;
  periodEnd: Date;
  planId: PlanId;
  stripeSubscriptionId: string | null;
}

/** The account's periods that `listAccountsToRoll` found due, oldest first. */
export const listPeriodsToRoll = (
  q: Queryable,
  accountId: string,
  due: { endedBefore: Date; abandonedBefore: Date },
): Promise<EndedPeriodRow[]> =>
  q.rows(
    "usagePeriods.listToRoll",
    sql`select period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      stripe_subscription_id as "stripeSubscriptionId"
    from usage_periods u where account_id = ${accountId}::text and closed_at is null
      and period_end <= ${due.endedBefore}::timestamptz
      and (period_end <= ${due.abandonedBefore}::timestamptz or not exists (select from plan_limits l
        where l.plan_id = u.plan_id and l.plan_version = u.plan_version and l.overage_policy = 'bill'
          and not exists (select from user_subscriptions s where s.stripe_subscription_id = u.stripe_subscription_id
            and s.trial_ends_at >= u.period_end)))
      and not exists (select from plan_changes g where g.account_id = u.account_id and g.finished_at is null and g.is_cut
        and g.effective_at <= u.period_end)
    order by period_start`,
  );

/** Accounts whose limits changed since they were last put into Redis. */
export const listLimitsToPush = async (q: Queryable, limit: number): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "usagePeriods.listLimitsToPush",
    sql`select account_id as "accountId" from accounts where limits_pushed_version < limits_version limit ${limit}::int`,
  );
  return rows.map((row) => row.accountId);
};

/** Remembers which version of the limits is in Redis; an older one changes nothing. */
export const updateLimitsPushed = (q: Queryable, accountId: string, version: number): Promise<number> =>
  q.run(
    "usagePeriods.updateLimitsPushed",
    sql`update accounts set limits_pushed_version = ${version}::bigint
    where account_id = ${accountId}::text and limits_pushed_version < ${version}::bigint`,
  );
