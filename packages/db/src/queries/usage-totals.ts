import type { LiveAggregation } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** What one batch adds to a total: its own value by the metric's aggregation. */
export interface TotalDelta {
  accountId: string;
  metric: string;
  /** The period's start, or the minute. */
  at: Date;
  quantity: number;
  eventCount: number;
  lastOccurredAt: Date;
}

/** What `on conflict` sets a quantity to; the table is `t`. */
export const mergedQuantity: Record<LiveAggregation, string> = {
  sum: "t.quantity + excluded.quantity",
  count: "t.quantity + excluded.quantity",
  max: "greatest(t.quantity, excluded.quantity)",
  last: "case when excluded.last_occurred_at >= t.last_occurred_at then excluded.quantity else t.quantity end",
};

const columnsOf = (deltas: readonly TotalDelta[]) => [
  deltas.map(({ accountId }) => accountId),
  deltas.map(({ metric }) => metric),
  deltas.map(({ at }) => at),
  deltas.map(({ quantity }) => quantity),
  deltas.map(({ eventCount }) => eventCount),
  deltas.map(({ lastOccurredAt }) => lastOccurredAt),
];

const upsertText = (table: string, at: string, aggregation: LiveAggregation) => `
  insert into ${table} as t (account_id, metric, ${at}, quantity, event_count, last_occurred_at)
  select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::timestamptz[])
  on conflict (account_id, metric, ${at}) do update set quantity = ${mergedQuantity[aggregation]},
    event_count = t.event_count + excluded.event_count,
    last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)`;

/** Adds a batch to the totals of its periods, all of one aggregation. A total past 15 digits violates a check. */
export const upsertTotals = (
  q: Queryable,
  aggregation: LiveAggregation,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run("usageTotals.upsertMany", {
    text: upsertText("usage_totals", "period_start", aggregation),
    values: columnsOf(deltas),
  });

/** Adds a batch to the rollup by minute, all of one aggregation. */
export const upsertMinutes = (
  q: Queryable,
  aggregation: LiveAggregation,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run("usageMinutes.upsertMany", {
    text: upsertText("usage_minutes", "minute_at", aggregation),
    values: columnsOf(deltas),
  });

/** Adds a batch to the rollup by hour, all of one aggregation. */
export const upsertHours = (
  q: Queryable,
  aggregation: LiveAggregation,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run("usageHours.upsertMany", {
    text: upsertText("usage_hours", "hour_at", aggregation),
    values: columnsOf(deltas),
  });

export interface SeriesPointRow {
  at: Date;
  quantity: number;
  count: number;
}

interface Series {
  accountId: string;
  metric: string;
  aggregation: LiveAggregation;
  window: "minute" | "hour" | "day";
  from: Date;
  to: Date;
}

/** One metric by window (of UTC) over `[from, to)`, from its rollup; windows without events are left out. */
export const listSeries = (q: Queryable, series: Series): Promise<SeriesPointRow[]> =>
  series.window === "day" ? listDays(q, series) : listWindows(q, series);

/** Minutes and hours are rows. */
const listWindows = (q: Queryable, { accountId, metric, window, from, to }: Series) => {
  const [table, at] = window === "minute" ? ["usage_minutes", "minute_at"] : ["usage_hours", "hour_at"];
  return q.rows<SeriesPointRow>(`${window === "minute" ? "usageMinutes" : "usageHours"}.listSeries`, {
    text: `select ${at} as at, quantity, event_count as count from ${table}
      where account_id = $1::text and metric = $2::text and ${at} >= $3::timestamptz and ${at} < $4::timestamptz
      order by ${at}`,
    values: [accountId, metric, from, to],
  });
};

const listDays = (q: Queryable, { accountId, metric, aggregation, from, to }: Series) =>
  q.rows<SeriesPointRow>(
    "usageHours.listDays",
    sql`select date_trunc('day', hour_at, 'UTC') as at,
      (case ${aggregation}::text when 'max' then max(quantity)
        when 'last' then (array_agg(quantity order by last_occurred_at desc, hour_at desc))[1]
        else sum(quantity) end)::bigint as quantity,
      sum(event_count)::bigint as count
    from usage_hours where account_id = ${accountId}::text and metric = ${metric}::text
      and hour_at >= ${from}::timestamptz and hour_at < ${to}::timestamptz
    group by 1 order by 1`,
  );
