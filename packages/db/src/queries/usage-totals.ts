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

const merged: Record<TotalMerge, string> = {
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
  on conflict (account_id, metric, ${at}) do update set quantity = ${merged[merge]},
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

export interface SeriesPointRow {
  at: Date;
  quantity: number;
  count: number;
}

/** One metric by window (of UTC) over `[from, to)`, from the rollup by minute; windows without events are left out. */
export const listSeries = (
  q: Queryable,
  series: {
    accountId: string;
    metric: string;
    aggregation: Aggregation;
    window: "minute" | "hour" | "day";
    from: Date;
    to: Date;
  },
): Promise<SeriesPointRow[]> =>
  q.rows(
    "usageMinutes.listSeries",
    sql`select date_trunc(${series.window}::text, minute_at, 'UTC') as at,
      (case ${series.aggregation}::text when 'max' then max(quantity)
        when 'last' then (array_agg(quantity order by last_occurred_at desc, minute_at desc))[1]
        else sum(quantity) end)::bigint as quantity,
      sum(event_count)::bigint as count
    from usage_minutes where account_id = ${series.accountId}::text and metric = ${series.metric}::text
      and minute_at >= ${series.from}::timestamptz and minute_at < ${series.to}::timestamptz
    group by 1 order by 1`,
  );

/** Deletes at most `limit` minutes before `before`; totals stay. @returns how many. */
export const deleteMinutesBefore = (q: Queryable, before: Date, limit: number): Promise<number> =>
  q.run(
    "usageMinutes.deleteBefore",
    sql`delete from usage_minutes where ctid = any(array(
      select ctid from usage_minutes where minute_at < ${before}::timestamptz limit ${limit}::int for update skip locked))`,
  );
