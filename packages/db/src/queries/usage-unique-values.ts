import type { Queryable } from "../db.ts";
import { prepared, sql } from "../sql.ts";

/** A value that an event has for a `unique` metric. Instants in unix milliseconds. */
export interface UniqueValue {
  accountId: string;
  metric: string;
  periodStartMs: number;
  value: string;
  /** The minute that it is counted in where it is new. */
  minuteMs: number;
}

export interface NewValuesRow {
  accountId: string;
  metric: string;
  periodStartMs: number;
  minuteMs: number;
  count: number;
}

/** Remembers values, each given once. @returns how many of them their periods have not seen before. */
export const insertUniqueValues = (q: Queryable, values: readonly UniqueValue[]): Promise<NewValuesRow[]> =>
  q.rows(
    "usageUniqueValues.insertMany",
    prepared(sql`with given as (
      select account_id, metric, to_timestamp(period_ms / 1000) as period_start, value, period_ms, minute_ms
      from unnest(${values.map(({ accountId }) => accountId)}::text[], ${values.map(({ metric }) => metric)}::text[],
        ${values.map(({ periodStartMs }) => periodStartMs)}::float8[], ${values.map(({ value }) => value)}::text[],
        ${values.map(({ minuteMs }) => minuteMs)}::float8[]) as v (account_id, metric, period_ms, value, minute_ms)
    ), added as (
      insert into usage_unique_values (account_id, metric, period_start, value)
      select account_id, metric, period_start, value from given order by 1, 2, 3, 4
      on conflict do nothing returning account_id, metric, period_start, value
    )
    select g.account_id as "accountId", g.metric, g.period_ms as "periodStartMs", g.minute_ms as "minuteMs",
      count(*) as count
    from added join given g using (account_id, metric, period_start, value)
    group by g.account_id, g.metric, g.period_ms, g.minute_ms`),
  );

/**
 * Deletes at most `limit` values of periods that started before `startedBefore` and did not end after `endedBefore`; how
 * many they were stays in the totals. @returns how many.
 */
export const deleteUniqueValues = (
  q: Queryable,
  { startedBefore, endedBefore, limit }: { startedBefore: Date; endedBefore: Date; limit: number },
): Promise<number> =>
  q.run(
    "usageUniqueValues.delete",
    sql`delete from usage_unique_values where ctid = any(array(
      select v.ctid from usage_unique_values v where v.period_start < ${startedBefore}::timestamptz
        and not exists (select from usage_periods p where p.account_id = v.account_id
          and p.period_start = v.period_start and p.period_end > ${endedBefore}::timestamptz)
      limit ${limit}::int for update skip locked))`,
  );
