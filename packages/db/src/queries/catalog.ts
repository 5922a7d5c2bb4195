import type { Aggregation, LatePolicy, OveragePolicy, PlanId, ReportMode } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { CatalogMetric, CatalogPlan } from "../seed/catalog.ts";

export interface PlanLimitRow {
  metric: string;
  includedQuantity: number | null;
  overagePolicy: OveragePolicy;
  overageAmountMinor: number | null;
  overagePerUnits: number | null;
  stripePriceId: string | null;
}

export interface PlanRow {
  planId: PlanId;
  version: number;
  name: string;
  rank: number;
  priceAmountMinor: number;
  currency: string;
  interval: "month" | "year";
  retentionDays: number;
  support: string;
  /** Days before the first payment; 0 is no trial. */
  trialDays: number;
  isCurrent: boolean;
  stripeProductId: string | null;
  stripePriceId: string | null;
  features: { feature: string; name: string }[];
  limits: PlanLimitRow[];
}

export interface MetricRow {
  metric: string;
  name: string;
  aggregation: Aggregation;
  /** For `unique`: the property that holds an event's value; null for every other aggregation. */
  uniqueProperty: string | null;
  unit: string;
  groupByKeys: string[];
  stripeMeterId: string | null;
  stripeMeterEventName: string | null;
  reportMode: ReportMode;
  latePolicy: LatePolicy;
  /** Rises with each change of the metric. */
  version: number;
}

/** Every version of every plan, cheapest first, with its features and limits. */
export const listPlans = (q: Queryable): Promise<PlanRow[]> =>
  q.rows(
    "catalog.listPlans",
    sql`select p.plan_id as "planId", p.version, p.name, p.rank, p.price_amount_minor as "priceAmountMinor", p.currency,
      p.billing_interval as "interval", p.retention_days as "retentionDays", p.support,
      p.trial_days as "trialDays", p.is_current as "isCurrent",
      p.stripe_product_id as "stripeProductId", p.stripe_price_id as "stripePriceId",
      coalesce((select jsonb_agg(jsonb_build_object('feature', f.feature, 'name', f.name) order by f.position)
        from features f where f.plan_id = p.plan_id and f.plan_version = p.version), '[]') as features,
      coalesce((select jsonb_agg(jsonb_build_object('metric', l.metric, 'includedQuantity', l.included_quantity,
          'overagePolicy', l.overage_policy, 'overageAmountMinor', l.overage_amount_minor,
          'overagePerUnits', l.overage_per_units, 'stripePriceId', l.stripe_price_id) order by l.metric)
        from plan_limits l where l.plan_id = p.plan_id and l.plan_version = p.version), '[]') as limits
    from subscription_plans p order by p.rank, p.version`,
  );

export const listMetrics = (q: Queryable): Promise<MetricRow[]> =>
  q.rows(
    "catalog.listMetrics",
    sql`select metric, name, aggregation, unique_property as "uniqueProperty", unit, group_by_keys as "groupByKeys",
      stripe_meter_id as "stripeMeterId", stripe_meter_event_name as "stripeMeterEventName",
      report_mode as "reportMode", late_policy as "latePolicy", version from metrics order by metric`,
  );

/** Adds a metric where there is none of that name; what exists is left as it is. */
export const insertMetricIfMissing = (q: Queryable, metric: CatalogMetric, now: Date): Promise<number> =>
  q.run(
    "catalog.insertMetricIfMissing",
    sql`insert into metrics (metric, name, aggregation, unit, group_by_keys, created_at)
    values (${metric.metric}::text, ${metric.name}::text, ${metric.aggregation}::text, ${metric.unit}::text,
      ${metric.groupByKeys}::text[], ${now}::timestamptz)
    on conflict (metric) do nothing`,
  );

/** Adds a plan version with its features and limits where it is missing, and makes it the current one. */
export async function insertPlanIfMissing(q: Queryable, plan: CatalogPlan, now: Date): Promise<boolean> {
  const known = await q.row(
    "catalog.findPlanVersion",
    sql`select 1 from subscription_plans where plan_id = ${plan.planId}::text and version = ${plan.version}::int`,
  );
  if (known !== null) return false;
  await q.run(
    "catalog.updateCurrent",
    sql`update subscription_plans set is_current = false where plan_id = ${plan.planId}::text and is_current`,
  );
  await q.run(
    "catalog.insertPlan",
    sql`insert into subscription_plans (plan_id, version, name, rank, price_amount_minor, currency, billing_interval,
      retention_days, support, trial_days, created_at)
    values (${plan.planId}::text, ${plan.version}::int, ${plan.name}::text, ${plan.rank}::int,
      ${plan.priceAmountMinor}::bigint, ${plan.currency}::text, ${plan.interval}::text, ${plan.retentionDays}::int,
      ${plan.support}::text, ${plan.trialDays}::int, ${now}::timestamptz)`,
  );
  for (const [position, [feature, name]] of plan.features.entries()) {
    await q.run(
      "catalog.insertFeature",
      sql`insert into features (plan_id, plan_version, feature, name, position)
      values (${plan.planId}::text, ${plan.version}::int, ${feature}::text, ${name}::text, ${position}::int)`,
    );
  }
  for (const [metric, limit] of Object.entries(plan.limits)) {
    await q.run(
      "catalog.insertLimit",
      sql`insert into plan_limits (plan_id, plan_version, metric, included_quantity, overage_policy,
        overage_amount_minor, overage_per_units)
      values (${plan.planId}::text, ${plan.version}::int, ${metric}::text, ${limit.included}::bigint,
        ${limit.policy}::text, ${limit.overage?.amountMinor ?? null}::bigint, ${limit.overage?.perUnits ?? null}::bigint)`,
    );
  }
  return true;
}

/** Remembers what stands for a plan version in Stripe. */
export const updatePlanStripeIds = (
  q: Queryable,
  plan: { planId: string; version: number; stripeProductId: string; stripePriceId: string | null },
): Promise<number> =>
  q.run(
    "catalog.updatePlanStripeIds",
    sql`update subscription_plans set stripe_product_id = ${plan.stripeProductId}::text, stripe_price_id = ${plan.stripePriceId}::text
    where plan_id = ${plan.planId}::text and version = ${plan.version}::int`,
  );

/** Remembers the metered price that bills a limit's overage in Stripe. */
export const updateLimitStripePrice = (
  q: Queryable,
  limit: { planId: string; version: number; metric: string; stripePriceId: string },
): Promise<number> =>
  q.run(
    "catalog.updateLimitStripePrice",
    sql`update plan_limits set stripe_price_id = ${limit.stripePriceId}::text
    where plan_id = ${limit.planId}::text and plan_version = ${limit.version}::int and metric = ${limit.metric}::text`,
  );

/** Remembers the Stripe meter that a metric is reported to. */
export const updateMetricMeter = (
  q: Queryable,
  meter: { metric: string; stripeMeterId: string; stripeMeterEventName: string },
): Promise<number> =>
  q.run(
    "catalog.updateMetricMeter",
    sql`update metrics set stripe_meter_id = ${meter.stripeMeterId}::text, stripe_meter_event_name = ${meter.stripeMeterEventName}::text
    where metric = ${meter.metric}::text`,
  );

/** A version of a plan; `accountCount` accounts have it. */
export interface HeldVersionRow {
  planId: string;
  version: number;
  accountCount: number;
}

/**
 * Versions that some subscription has which is not over, or that one of them changes to, or a checkout is about to sell;
 * of Free, those that accounts have. A session does not say which version it sells: it holds all of its plan.
 */
export const listHeldVersions = (q: Queryable): Promise<HeldVersionRow[]> =>
  q.rows(
    "catalog.listHeldVersions",
    sql`with live as (
      select plan_id, plan_version, pending_plan_id, pending_plan_version from user_subscriptions
      where status not in ('canceled', 'incomplete_expired')
      union all select 'free', coalesce(m.to_version, a.free_plan_version), null, null from accounts a
        left join (select distinct on (account_id) account_id, to_version from plan_version_moves
          where plan_id = 'free' and effective_at is not null order by account_id, effective_at desc, to_version desc) m
        on m.account_id = a.account_id
    )
    select p.plan_id as "planId", p.version, (select count(*) from live
        where live.plan_id = p.plan_id and live.plan_version = p.version) as "accountCount"
    from subscription_plans p
    where exists (select from live where (live.plan_id = p.plan_id and live.plan_version = p.version) or (live.pending_plan_id = p.plan_id
        and coalesce(live.pending_plan_version, p.version) = p.version))
      or exists (select from checkout_reservations r where r.plan_id = p.plan_id and r.plan_version = p.version)
      or exists (select from checkout_sessions s where s.plan_id = p.plan_id and s.status = 'open')`,
  );
