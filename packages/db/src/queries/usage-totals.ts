import type { Aggregation } from "@driftlock/contracts";
import { numberArray, textArray } from "../array-text.ts";
import type { Queryable } from "../db.ts";
import { prepared, sql } from "../sql.ts";

/** What one batch adds to a total: its own value by the metric's aggregation. Instants in unix milliseconds. */
export interface TotalDelta {
  accountId: string;
  metric: string;
  /** The period's start, or the minute. */
  atMs: number;
  quantity: number;
  eventCount: number;
  lastOccurredAtMs: number;
}

/** How a delta and what is stored become one: of `sum`, `count` and `unique` they add up. */
export type TotalMerge = "add" | "max" | "last";

export const mergeOf = (aggregation: Aggregation): TotalMerge =>
  aggregation === "max" || aggregation === "last" ? aggregation : "add";

/** What `on conflict` sets a quantity to; the table is `t`. */
export const mergedQuantity: Record<TotalMerge, string> = {
  add: "t.quantity + excluded.quantity",
  max: "greatest(t.quantity, excluded.quantity)",
  last: "case when excluded.last_occurred_at >= t.last_occurred_at then excluded.quantity else t.quantity end",
};

const columnsOf = (deltas: readonly TotalDelta[]) => [
  textArray(deltas.map(({ accountId }) => accountId)),
  textArray(deltas.map(({ metric }) => metric)),
  numberArray(deltas.map(({ atMs }) => atMs)),
  numberArray(deltas.map(({ quantity }) => quantity)),
  numberArray(deltas.map(({ eventCount }) => eventCount)),
  numberArray(deltas.map(({ lastOccurredAtMs }) => lastOccurredAtMs)),
];

// Instants go as numbers: making text of a Date costs more than all else here.
const upsertText = (table: string, at: string, merge: TotalMerge) => `
  insert into ${table} as t (account_id, metric, ${at}, quantity, event_count, last_occurred_at)
  select account_id, metric, to_timestamp(at_ms / 1000), quantity, event_count, to_timestamp(last_ms / 1000)
  from unnest($1::text[], $2::text[], $3::float8[], $4::bigint[], $5::bigint[], $6::float8[])
    as d (account_id, metric, at_ms, quantity, event_count, last_ms)
  on conflict (account_id, metric, ${at}) do update set quantity = ${mergedQuantity[merge]},
    event_count = t.event_count + excluded.event_count,
    last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)`;

/** Adds a batch to the totals of its periods, all of one kind. A total past 15 digits violates a check. */
export const upsertTotals = (
  q: Queryable,
  merge: TotalMerge,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run(
    `usageTotals.upsertMany.${merge}`,
    prepared({ text: upsertText("usage_totals", "period_start", merge), values: columnsOf(deltas) }),
  );

/** Adds a batch to the rollup by minute, all of one kind. */
export const upsertMinutes = (
  q: Queryable,
  merge: TotalMerge,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run(
    `usageMinutes.upsertMany.${merge}`,
    prepared({ text: upsertText("usage_minutes", "minute_at", merge), values: columnsOf(deltas) }),
  );

/** Adds a batch to the rollup by hour, all of one kind. */
export const upsertHours = (
  q: Queryable,
  merge: TotalMerge,
  deltas: readonly TotalDelta[],
): Promise<number> =>
  q.run(
    `usageHours.upsertMany.${merge}`,
    prepared({ text: upsertText("usage_hours", "hour_at", merge), values: columnsOf(deltas) }),
  );

export interface SeriesPointRow {
  at: Date;
  quantity: number;
  count: number;
}

interface Series {
  accountId: string;
  metric: string;
  aggregation: Aggregation;
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
    from (
      select hour_at, quantity, event_count, last_occurred_at
      from usage_hours where account_id = ${accountId}::text and metric = ${metric}::text
        and hour_at >= ${from}::timestamptz and hour_at < ${to}::timestamptz
      union all
      select day_at, quantity, event_count, last_occurred_at
      from usage_days where account_id = ${accountId}::text and metric = ${metric}::text
        and day_at >= ${from}::timestamptz and day_at < ${to}::timestamptz
    ) parts
    group by 1 order by 1`,
  );

/**
 * Makes days of at most `limit` hours before `before`, and deletes those; a day whose hours go in several steps is read
 * from both meanwhile. @returns how many hours.
 */
export const foldOldHours = async (q: Queryable, before: Date, limit: number): Promise<number> => {
  const row = await q.row<{ count: number }>("usageHours.fold", {
    text: `with old as (
      delete from usage_hours where ctid = any(array(
        select ctid from usage_hours where hour_at < $1::timestamptz
        order by hour_at limit $2::int for update skip locked))
      returning account_id, metric, hour_at, quantity, event_count, last_occurred_at
    ), folded as (
      insert into usage_days as t (account_id, metric, day_at, quantity, event_count, last_occurred_at)
      select o.account_id, o.metric, date_trunc('day', o.hour_at, 'UTC'),
        case m.aggregation when 'max' then max(o.quantity)
          when 'last' then (array_agg(o.quantity order by o.last_occurred_at desc, o.hour_at desc))[1]
          else sum(o.quantity) end,
        sum(o.event_count), max(o.last_occurred_at)
      from old o left join metrics m using (metric) group by o.account_id, o.metric, m.aggregation, 3 order by 1, 2, 3
      on conflict (account_id, metric, day_at) do update set
        quantity = case (select aggregation from metrics m where m.metric = t.metric)
          when 'max' then ${mergedQuantity.max} when 'last' then ${mergedQuantity.last} else ${mergedQuantity.add} end,
        event_count = t.event_count + excluded.event_count,
        last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)
    )
    select count(*)::int as count from old`,
    values: [before, limit],
  });
  return row?.count ?? 0;
};

/** Deletes at most `limit` minutes before `before`; totals stay. @returns how many. */
export const deleteMinutes = (q: Queryable, before: Date, limit: number): Promise<number> =>
  q.run(
    "usageMinutes.delete",
    sql`delete from usage_minutes where ctid = any(array(
      select ctid from usage_minutes where minute_at < ${before}::timestamptz limit ${limit}::int for update skip locked))`,
  );
