import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface UsageRecordRow {
  id: string;
  metric: string;
  quantity: number;
  occurredAt: Date;
  receivedAt: Date;
  /** As Postgres writes it. */
  propertiesJson: string | null;
}

/** The greatest id of an account's records by bytes; null where there are none. */
export const findLastId = (q: Queryable, accountId: string): Promise<{ id: string } | null> =>
  q.row(
    "usageRecordPages.findLastId",
    sql`select event_id as id from usage_records where account_id = ${accountId}::text order by event_id desc limit 1`,
  );

interface Filter {
  accountId: string;
  /** Null: every metric. */
  metric: string | null;
  from: Date;
  to: Date;
}

/**
 * The next `scanMax` records of an account behind `afterId` and up to `throughId`, in the order of the index, of
 * which those that match are returned: so that a page takes the same time however few match. `lastId` is where the
 * page ended; null where there was nothing more. Bounded by pairs, not by `account_id =`: where statistics are missing,
 * that would be taken for so few rows that each page reads and sorts all that is left. A generation
 * that has no index yet is read through by each page: `usageIndexes.askForIndexes`.
 */
export async function listPage(
  q: Queryable,
  { accountId, metric, from, to }: Filter,
  page: { afterId: string | null; throughId: string; scanMax: number },
): Promise<{ lastId: string | null; rows: UsageRecordRow[] }> {
  const rows = await q.rows<UsageRecordRow & { lastId: string | null; isMatch: boolean }>(
    "usageRecordPages.list",
    sql`with page as materialized (
      select event_id, metric, quantity, occurred_at, received_at, properties from usage_records
      where (account_id, event_id) > (${accountId}::text, ${page.afterId ?? ""}::text)
        and (account_id, event_id) <= (${accountId}::text, ${page.throughId}::text)
      order by account_id, event_id limit ${page.scanMax}::int
    )
    select (select max(event_id) from page) as "lastId", r.event_id is not null as "isMatch", r.event_id as id, r.metric,
      r.quantity, r.occurred_at as "occurredAt", r.received_at as "receivedAt", r.properties::text as "propertiesJson"
    from (select) always left join page r on (${metric}::text is null or r.metric = ${metric}::text)
      and r.occurred_at >= ${from}::timestamptz and r.occurred_at < ${to}::timestamptz
    order by r.event_id`,
  );
  return { lastId: rows[0]?.lastId ?? null, rows: rows.filter(({ isMatch }) => isMatch) };
}
