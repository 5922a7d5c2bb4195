import type { Aggregation, LatePolicy } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A metric as operators define it. */
export interface MetricDefinitionRow {
  metric: string;
  name: string;
  aggregation: Aggregation;
  uniqueProperty: string | null;
  unit: string;
  groupByKeys: string[];
  latePolicy: LatePolicy;
  createdAt: Date;
}

const columns = `metric, name, aggregation, unique_property as "uniqueProperty", unit, group_by_keys as "groupByKeys",
  late_policy as "latePolicy", created_at as "createdAt"`;

/** All metrics, the newest first, those that come after `after`. */
export const listMetricDefinitions = (
  q: Queryable,
  page: { limit: number; after: { at: Date; id: string } | null },
): Promise<MetricDefinitionRow[]> =>
  q.rows("metricDefinitions.list", {
    text: `select ${columns} from metrics
      where $1::timestamptz is null or (created_at, metric) < ($1::timestamptz, $2::text)
      order by created_at desc, metric desc limit $3::int`,
    values: [page.after?.at ?? null, page.after?.id ?? null, page.limit],
  });

export const findMetricForUpdate = (q: Queryable, metric: string): Promise<MetricDefinitionRow | null> =>
  q.row("metricDefinitions.findForUpdate", {
    text: `select ${columns} from metrics where metric = $1::text for update`,
    values: [metric],
  });

/** @returns 0 where there is one of that name. */
export const insertMetric = (q: Queryable, row: MetricDefinitionRow): Promise<number> =>
  q.run(
    "metricDefinitions.insert",
    sql`insert into metrics (metric, name, aggregation, unique_property, unit, group_by_keys, late_policy, created_at)
    values (${row.metric}::text, ${row.name}::text, ${row.aggregation}::text, ${row.uniqueProperty}::text, ${row.unit}::text,
      ${row.groupByKeys}::text[], ${row.latePolicy}::text, ${row.createdAt}::timestamptz)
    on conflict do nothing`,
  );

export const updateMetric = (
  q: Queryable,
  changed: Pick<MetricDefinitionRow, "metric" | "name" | "groupByKeys" | "latePolicy">,
): Promise<number> =>
  q.run(
    "metricDefinitions.update",
    sql`update metrics set name = ${changed.name}::text, group_by_keys = ${changed.groupByKeys}::text[],
      late_policy = ${changed.latePolicy}::text, version = version + 1
    where metric = ${changed.metric}::text`,
  );

/** Has the limits pushed of every account with a period that ends after `since` and whose plan bills the metric. */
export const raiseLimitsOfBilled = (q: Queryable, metric: string, since: Date): Promise<number> =>
  q.run(
    "metricDefinitions.raiseLimits",
    sql`update accounts set limits_version = limits_version + 1 where account_id in (
      select p.account_id from usage_periods p join plan_limits l on l.plan_id = p.plan_id
        and l.plan_version = p.plan_version and l.metric = ${metric}::text and l.overage_policy = 'bill'
      where p.period_end > ${since}::timestamptz order by p.account_id)`,
  );

/** Which of these totals of closed periods, from 1, are billed and take late events only from an operator. */
export const listReviewed = (
  q: Queryable,
  totals: readonly { accountId: string; metric: string; startMs: number }[],
): Promise<{ place: number }[]> =>
  q.rows(
    "metricDefinitions.listReviewed",
    sql`select w.place from unnest(${totals.map(({ accountId }) => accountId)}::text[],
      ${totals.map(({ metric }) => metric)}::text[], ${totals.map(({ startMs }) => new Date(startMs))}::timestamptz[])
      with ordinality as w (account_id, metric, period_start, place)
    join metrics m on m.metric = w.metric and m.late_policy = 'operator-review'
    join usage_periods p on p.account_id = w.account_id and p.period_start = w.period_start
    join plan_limits l on l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.metric = w.metric
      and l.overage_policy = 'bill'`,
  );
