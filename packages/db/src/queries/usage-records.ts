import { finished } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";
import { listUnindexed } from "./usage-indexes.ts";

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

/**
 * Which of these events are stored, and whether as the same; of two generations the newer one decides. Generations without
 * an index are read through, once for all events: `unindexed` of them. (Default: all.)
 */
export async function listKnownEvents(
  q: Queryable,
  events: readonly EventPayload[],
  unindexed?: readonly number[],
): Promise<KnownEventRow[]> {
  // Asked for first: one that gets its index meanwhile is then looked in twice, never not at all.
  const readThrough = unindexed ?? (await listUnindexed(q)).map(({ generation }) => generation);
  const found = await listIndexed(q, events);
  if (readThrough.length > 0) found.push(...(await listReadThrough(q, events, readThrough)));
  const newest = new Map<string, FoundRow>();
  for (const row of found) {
    const key = `${row.accountId}\n${row.id}`;
    const other = newest.get(key);
    if (other === undefined || other.generation < row.generation) newest.set(key, row);
  }
  return [...newest.values()].map(({ accountId, id, isSamePayload }) => ({ accountId, id, isSamePayload }));
}

interface FoundRow extends KnownEventRow {
  generation: number;
}

/** Limited and lateral: a join could be planned as one pass over whole generations. */
const listIndexed = (q: Queryable, events: readonly EventPayload[]): Promise<FoundRow[]> =>
  q.rows(
    "usageRecords.listKnown",
    sql`select g.generation, w.account_id as "accountId", w.event_id as "id", stored.is_same as "isSamePayload"
    from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[],
      ${events.map(({ metric }) => metric)}::text[], ${events.map(({ quantity }) => quantity)}::bigint[],
      ${events.map(({ propertiesJson }) => propertiesJson)}::jsonb[])
      as w (account_id, event_id, metric, quantity, properties)
    cross join (select generation from usage_generations where is_indexed) g
    cross join lateral (
      select r.metric = w.metric and r.quantity = w.quantity and r.properties is not distinct from w.properties as is_same
      from usage_records r
      where r.generation = g.generation and r.account_id = w.account_id and r.event_id = w.event_id limit 1) stored`,
  );

/** One pass, whatever is looked for. */
const listReadThrough = (
  q: Queryable,
  events: readonly EventPayload[],
  generations: readonly number[],
): Promise<FoundRow[]> =>
  q.rows(
    "usageRecords.listReadThrough",
    sql`select r.generation, r.account_id as "accountId", r.event_id as "id", r.metric = w.metric
      and r.quantity = w.quantity and r.properties is not distinct from w.properties as "isSamePayload"
    from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[],
      ${events.map(({ metric }) => metric)}::text[], ${events.map(({ quantity }) => quantity)}::bigint[],
      ${events.map(({ propertiesJson }) => propertiesJson)}::jsonb[])
      as w (account_id, event_id, metric, quantity, properties)
    join usage_records r on r.account_id = w.account_id and r.event_id = w.event_id
    where r.generation = any(${generations}::int[])`,
  );

/** A table's name is spliced into text. @throws TypeError where it is none of ours. */
function checked(table: string): string {
  if (!/^usage_records(_[0-9]+)?$/.test(table)) throw new TypeError(`no table of usage records: ${table}`);
  return table;
}
