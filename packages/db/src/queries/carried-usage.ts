/**
 * SQL for what earlier parts of the same billing period have used of a metric on the same plan: they share what the plan
 * includes (docs/decisions/0020). Of metrics that add up; 0 for the first part, and on Free, whose counter goes on by
 * itself. `period` is a row of usage_periods, `metric` an expression.
 */
export const carriedText = (period: string, metric: string): string =>
  `coalesce((select sum(carried_t.quantity) from usage_periods carried_p
    join usage_totals carried_t on carried_t.account_id = carried_p.account_id
      and carried_t.period_start = carried_p.period_start and carried_t.metric = ${metric}
    join metrics carried_m on carried_m.metric = carried_t.metric and carried_m.aggregation in ('sum', 'count')
    where ${earlierPartsText("carried_p", period)}), 0)::bigint`;

/** The same of every metric, as JSON by metric. */
export const carriedByMetricText = (period: string): string =>
  `coalesce((select jsonb_object_agg(metric, quantity) from (select carried_t.metric, sum(carried_t.quantity) as quantity
    from usage_periods carried_p
    join usage_totals carried_t on carried_t.account_id = carried_p.account_id
      and carried_t.period_start = carried_p.period_start
    join metrics carried_m on carried_m.metric = carried_t.metric and carried_m.aggregation in ('sum', 'count')
    where ${earlierPartsText("carried_p", period)} group by carried_t.metric) carried), '{}')`;

/** Where the first part of the billing period that is on the same plan begins. */
export const countedFromText = (period: string): string =>
  `coalesce((select min(counted_p.period_start) from usage_periods counted_p
    where ${earlierPartsText("counted_p", period)}), ${period}.period_start)`;

/** Whether `part` is an earlier part of the billing period of `period`, on the same plan. */
export const earlierPartsText = (part: string, period: string): string =>
  `${part}.account_id = ${period}.account_id and ${part}.stripe_subscription_id = ${period}.stripe_subscription_id
    and ${part}.plan_id = ${period}.plan_id and ${part}.billing_start = ${period}.billing_start
    and ${part}.period_start < ${period}.period_start`;
