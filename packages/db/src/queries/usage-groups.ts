import type { LiveAggregation } from "@driftlock/contracts";
import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";
import { mergedQuantity, mergeOf, type TotalDelta } from "./usage-totals.ts";

/** Minutes of a window of the rollup by property: a minute, an hour, a day of UTC. */
export const groupWindows = [1, 60, 1440] as const;
export type GroupWindow = (typeof groupWindows)[number];

/** In `value`, where a property's canonical JSON is otherwise: events without the property, values past the bound. */
export const valueOfNone = "null";
export const valueOfOthers = "*";

/** What a batch adds to one value of a declared key; `atMs` is the window's start. */
export interface GroupDelta extends TotalDelta {
  key: string;
  value: string;
}

/** The values of one key in one day of UTC. */
export interface ValueOfDay {
  accountId: string;
  metric: string;
  key: string;
  dayAt: Date;
  value: string;
}

/** A metric's declared keys. */
export interface GroupKeys {
  metric: string;
  aggregation: LiveAggregation;
  keys: string[];
}

/** The metrics that declare keys, with them. The parts of a `unique` one do not add up to it: it has none. */
export const listGroupKeys = (q: Queryable): Promise<GroupKeys[]> =>
  q.rows(
    "usageGroups.listKeys",
    sql`select metric, aggregation, group_by_keys as keys from metrics
      where group_by_keys <> '{}' and aggregation <> 'unique'`,
  );

const columnsOf = (values: readonly Omit<ValueOfDay, "value">[]) => [
  values.map(({ accountId }) => accountId),
  values.map(({ metric }) => metric),
  values.map(({ key }) => key),
  values.map(({ dayAt }) => dayAt),
];

/** Which of the values their day has already, by their place in the list. */
export const listKnownValues = (q: Queryable, values: readonly ValueOfDay[]): Promise<{ place: number }[]> =>
  q.rows("usageGroups.listKnownValues", {
    text: `select place::int from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
        with ordinality as v (account_id, metric, key, day_at, value, place)
      where exists (select from usage_groups g where g.account_id = v.account_id and g.metric = v.metric
        and g.key = v.key collate "C" and g.window_minutes = 1440 and g.window_at = v.day_at
        and g.value = v.value collate "C")`,
    values: [...columnsOf(values), values.map(({ value }) => value)],
  });

/** How many values each of these days has, in the order of the list. */
export const countValues = (
  q: Queryable,
  days: readonly Omit<ValueOfDay, "value">[],
): Promise<{ count: number }[]> =>
  q.rows("usageGroups.countValues", {
    text: `select (select count(*) from usage_groups g where g.account_id = d.account_id and g.metric = d.metric
        and g.key = d.key collate "C" and g.window_minutes = 1440 and g.window_at = d.day_at
        and g.value not in ('${valueOfNone}', '${valueOfOthers}'))::int as count
      from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        with ordinality as d (account_id, metric, key, day_at, place) order by place`,
    values: columnsOf(days),
  });

/** Adds a batch to the windows of one length, all of one aggregation; no two of the deltas are the same group. */
export const upsertGroups = (
  q: Queryable,
  aggregation: LiveAggregation,
  windowMinutes: GroupWindow,
  deltas: readonly GroupDelta[],
): Promise<number> =>
  q.run("usageGroups.upsertMany", {
    text: `insert into usage_groups as t (account_id, metric, key, window_minutes, window_at, value,
        quantity, event_count, last_occurred_at)
      select account_id, metric, key, $1::int, at, value, quantity, event_count, last_occurred_at
      from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[], $8::bigint[],
        $9::timestamptz[]) as d (account_id, metric, key, at, value, quantity, event_count, last_occurred_at)
      on conflict (account_id, metric, key, window_minutes, window_at, value) do update
        set quantity = ${mergedQuantity[mergeOf(aggregation)]}, event_count = t.event_count + excluded.event_count,
        last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)`,
    values: [
      windowMinutes,
      deltas.map(({ accountId }) => accountId),
      deltas.map(({ metric }) => metric),
      deltas.map(({ key }) => key),
      deltas.map(({ atMs }) => new Date(atMs)),
      deltas.map(({ value }) => value),
      deltas.map(({ quantity }) => quantity),
      deltas.map(({ eventCount }) => eventCount),
      deltas.map(({ lastOccurredAtMs }) => new Date(lastOccurredAtMs)),
    ],
  });

/** Makes all that a transaction reads be of one instant; its first statement. */
export const holdSnapshot = (tx: Transaction): Promise<number> =>
  tx.run("usageGroups.holdSnapshot", sql`set transaction isolation level repeatable read, read only`);

export interface GroupSeriesRow {
  /** As in the table, or `valueOfOthers` for the groups past `groupsMax`. */
  value: string;
  /** By the number of the window, 0 at `from`; windows without events are left out. */
  points: [index: number, quantity: number, count: number][];
}

/**
 * One metric by a property and by window over `[from, to)`: the largest groups in order, and the rest in one. By sum or
 * count the largest have the largest sum, otherwise the largest value. A group is one row: rows are dear to read.
 */
export const listGroupSeries = (
  q: Queryable,
  series: {
    accountId: string;
    metric: string;
    aggregation: LiveAggregation;
    key: string;
    windowMinutes: GroupWindow;
    from: Date;
    to: Date;
    groupsMax: number;
  },
): Promise<GroupSeriesRow[]> =>
  q.rows(
    "usageGroups.listSeries",
    sql`with points as materialized (
      select value, (extract(epoch from window_at - ${series.from}::timestamptz)::bigint / (60 * ${series.windowMinutes}::int))::int as index,
        quantity, event_count, last_occurred_at
      from usage_groups
      where account_id = ${series.accountId}::text and metric = ${series.metric}::text and key = ${series.key}::text
        and window_minutes = ${series.windowMinutes}::int
        and window_at >= ${series.from}::timestamptz and window_at < ${series.to}::timestamptz
    ), ranked as materialized (
      select value, row_number() over (order by value in ('null', '*'), case
        when ${series.aggregation}::text in ('sum', 'count') then sum(quantity) else max(quantity) end desc, value) as place
      from points group by value
    ), parts as (
      select value, place, index, quantity, event_count from points join ranked using (value)
      where value = 'null' or (value <> '*' and place <= ${series.groupsMax}::int)
      union all
      select '*', null, index,
        (case ${series.aggregation}::text when 'max' then max(quantity)
          when 'last' then (array_agg(quantity order by last_occurred_at desc, value))[1]
          else sum(quantity) end)::bigint,
        sum(event_count)
      from points join ranked using (value)
      where value = '*' or (value <> 'null' and place > ${series.groupsMax}::int) group by index
    )
    select value,
      concat('[', string_agg(concat('[', index, ',', quantity, ',', event_count, ']'), ','), ']')::json as points
    from parts group by value, place order by place nulls last`,
  );

/** Deletes at most `limit` windows of one length before `before`. @returns how many. */
export const deleteWindows = (
  q: Queryable,
  windowMinutes: GroupWindow,
  before: Date,
  limit: number,
): Promise<number> =>
  q.run(
    "usageGroups.deleteWindows",
    sql`delete from usage_groups where ctid = any (array(
      select ctid from usage_groups where window_minutes = ${windowMinutes}::int and window_at < ${before}::timestamptz
      limit ${limit}::int for update skip locked))`,
  );
