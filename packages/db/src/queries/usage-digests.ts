import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface UsageDigestRow {
  accountId: string;
  metric: string;
  periodStart: Date;
  version: number;
  digest: string;
  eventCount: number;
  /** Of all its events together, whatever the metric's aggregation. */
  quantity: number;
  /** How many events the period's total had when its records were read; another number now: some came later. */
  totalEventCount: number;
  computedAt: Date;
}

/** Adds a digest as the period's next version, where it says something new. */
export const insertDigest = (q: Queryable, row: Omit<UsageDigestRow, "version">): Promise<number> =>
  q.run(
    "usageDigests.insert",
    sql`with latest as (select version, digest, total_event_count from usage_digests where account_id = ${row.accountId}::text
      and metric = ${row.metric}::text and period_start = ${row.periodStart}::timestamptz order by version desc limit 1)
    insert into usage_digests (account_id, metric, period_start, version, digest, event_count, quantity, total_event_count,
      computed_at)
    select ${row.accountId}::text, ${row.metric}::text, ${row.periodStart}::timestamptz,
      coalesce((select version from latest), 0) + 1, ${row.digest}::text, ${row.eventCount}::bigint,
      ${row.quantity}::bigint, ${row.totalEventCount}::bigint, ${row.computedAt}::timestamptz
    where not exists (select from latest
      where digest = ${row.digest}::text and total_event_count = ${row.totalEventCount}::bigint)
    on conflict do nothing`,
  );

/** The newest version for each of these periods of a metric. */
export const listLatestDigests = (
  q: Queryable,
  of: { accountId: string; metric: string; periodStarts: readonly Date[] },
): Promise<UsageDigestRow[]> =>
  q.rows(
    "usageDigests.listLatest",
    sql`select distinct on (period_start) account_id as "accountId", metric, period_start as "periodStart", version, digest,
      event_count as "eventCount", quantity, total_event_count as "totalEventCount", computed_at as "computedAt"
    from usage_digests where account_id = ${of.accountId}::text and metric = ${of.metric}::text
      and period_start = any(${of.periodStarts}::timestamptz[])
    order by period_start, version desc`,
  );
