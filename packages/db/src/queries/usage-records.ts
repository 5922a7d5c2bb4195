import { finished } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";

// "PGCOPY\n\xff\r\n\0", no flags, no extension; at the end a tuple of -1 fields.
const copyHeader = Buffer.from("5047434f50590aff0d0a000000000000000000", "hex");
const copyTrailer = Buffer.from([0xff, 0xff]);

/**
 * Writes rows into `table`, usage_records or one of its generations. `tuples` are of binary COPY, one after another:
 * account_id, metric, event_id, quantity, occurred_at, received_at, properties; in the order of the key they are written
 * nearly twice as fast. Throws a unique violation where one is stored in that table already; the transaction is then of
 * no further use, save behind a savepoint.
 */
export async function copyRecords(tx: Transaction, table: string, tuples: Buffer): Promise<void> {
  const stream = tx.client.query(
    copyFrom(`copy ${checked(table)}
      (account_id, metric, event_id, quantity, occurred_at, received_at, properties) from stdin (format binary)`),
  );
  stream.write(copyHeader);
  stream.write(tuples);
  stream.end(copyTrailer);
  await finished(stream);
}

/** An event to look for; `propertiesJson` is compared as jsonb. */
export interface EventPayload {
  accountId: string;
  id: string;
  metric: string;
  quantity: number;
  propertiesJson: string | null;
}

export interface KnownEventRow {
  accountId: string;
  id: string;
  /** Whether it is stored with the same metric, quantity and properties. */
  isSamePayload: boolean;
}

/** Which of these events are stored, and whether as the same; of two generations the newer one decides. */
export const listKnownEvents = (q: Queryable, events: readonly EventPayload[]): Promise<KnownEventRow[]> =>
  // Limited and lateral: a join could be planned as one pass over the whole table.
  q.rows(
    "usageRecords.listKnown",
    sql`select w.account_id as "accountId", w.event_id as "id", stored.is_same as "isSamePayload"
    from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[],
      ${events.map(({ metric }) => metric)}::text[], ${events.map(({ quantity }) => quantity)}::bigint[],
      ${events.map(({ propertiesJson }) => propertiesJson)}::jsonb[])
      as w (account_id, event_id, metric, quantity, properties)
    cross join lateral (
      select r.metric = w.metric and r.quantity = w.quantity and r.properties is not distinct from w.properties as is_same
      from usage_records r where r.account_id = w.account_id and r.event_id = w.event_id
      order by r.generation desc limit 1) stored`,
  );

/** A table's name is spliced into text. @throws TypeError where it is none of ours. */
function checked(table: string): string {
  if (!/^usage_records(_[0-9]+)?$/.test(table)) throw new TypeError(`no table of usage records: ${table}`);
  return table;
}
