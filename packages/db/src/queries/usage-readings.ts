import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A total's value and how many events made it. */
export interface CountedTotal {
  quantity: number;
  eventCount: number;
}

/** By metric. */
export type PeriodTotals = Record<string, CountedTotal>;

/** A reading of a period's records under way. `Sums` is its caller's. */
export interface UsageReadingRow<Sums> {
  accountId: string;
  periodStart: Date;
  periodEnd: Date;
  /** What its totals are made of: the period, and the earlier parts of its Free cycle. RFC 3339, half open. */
  spans: { from: string; until: string }[];
  /** The totals when it began. */
  before: PeriodTotals;
  sums: Sums;
  afterId: string;
  beganAt: Date;
}

/** Records received since then are all there; null where none was ever dropped. */
export const findRecordsKeptSince = async (q: Queryable): Promise<Date | null> => {
  const row = await q.row<{ keptSince: Date | null }>(
    "usageReadings.findKeptSince",
    sql`select case when generation > 1 then opened_at end as "keptSince" from usage_generations order by generation limit 1`,
  );
  return row?.keptSince ?? null;
};

/** The totals of a period now, by metric. */
export const findPeriodTotals = async (
  q: Queryable,
  { accountId, periodStart }: { accountId: string; periodStart: Date },
): Promise<PeriodTotals> => {
  const row = await q.row<{ totals: PeriodTotals }>(
    "usageReadings.findTotals",
    sql`select coalesce(jsonb_object_agg(metric, jsonb_build_object('quantity', quantity, 'eventCount', event_count)), '{}') as totals
    from usage_totals where account_id = ${accountId}::text and period_start = ${periodStart}::timestamptz`,
  );
  return row?.totals ?? {};
};

/** Begins a reading, where none of the period is under way. */
export const insertReading = (
  q: Queryable,
  reading: Pick<UsageReadingRow<unknown>, "accountId" | "periodStart" | "periodEnd" | "before"> & {
    spans: readonly { from: Date; until: Date }[];
    wallNow: Date;
  },
): Promise<number> =>
  q.run(
    "usageReadings.insert",
    sql`insert into usage_readings (account_id, period_start, period_end, spans, before, began_at)
    values (${reading.accountId}::text, ${reading.periodStart}::timestamptz, ${reading.periodEnd}::timestamptz,
      ${JSON.stringify(reading.spans)}::jsonb, ${JSON.stringify(reading.before)}::jsonb, ${reading.wallNow}::timestamptz)
    on conflict do nothing`,
  );

/** Takes the reading that waits longest, for as long as the lease: a process that dies leaves it to another. */
export const claimReading = <Sums>(q: Queryable, leaseMs: number): Promise<UsageReadingRow<Sums> | null> =>
  q.row(
    "usageReadings.claim",
    sql`update usage_readings set step_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    where (account_id, period_start) in (select account_id, period_start from usage_readings
      where step_at <= clock_timestamp() order by step_at, began_at limit 1 for update skip locked)
    returning account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", spans, before, sums,
      after_id as "afterId", began_at as "beganAt"`,
  );

type ReadingKey = Pick<UsageReadingRow<unknown>, "accountId" | "periodStart" | "beganAt" | "afterId">;

/** Keeps what was read up to `to.afterId`, due again at once or after the lease. @returns 0 where another went on with it. */
export const updateReadingStep = (
  q: Queryable,
  at: ReadingKey,
  to: { afterId: string; sums: unknown; leaseMs: number },
): Promise<number> =>
  q.run(
    "usageReadings.updateStep",
    sql`update usage_readings set after_id = ${to.afterId}::text, sums = ${JSON.stringify(to.sums)}::jsonb,
      step_at = clock_timestamp() + ${to.leaseMs}::int * interval '1 millisecond'
    where account_id = ${at.accountId}::text and period_start = ${at.periodStart}::timestamptz
      and began_at = ${at.beganAt}::timestamptz and after_id = ${at.afterId}::text`,
  );

/** Ends a reading. @returns 0 where another has ended it. */
export const deleteReading = (q: Queryable, at: ReadingKey): Promise<number> =>
  q.run(
    "usageReadings.delete",
    sql`delete from usage_readings where account_id = ${at.accountId}::text
      and period_start = ${at.periodStart}::timestamptz and began_at = ${at.beganAt}::timestamptz
      and after_id = ${at.afterId}::text`,
  );
