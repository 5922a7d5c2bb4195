import type { Readable } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";
import type { EventPayload, KnownEventRow } from "./usage-records.ts";

export interface CurrentGeneration {
  generation: number;
  tableName: string;
  /** Whether its index exists: without it nothing but its writers tells that an id is stored in it already. */
  isIndexed: boolean;
  /** Its index is not unique: nothing may rest on its refusing a repeat. */
  hasRepeats: boolean;
  /** Of each generation since the oldest one without an index, the oldest first; none where all have theirs. */
  openings: GenerationOpening[];
}

/** Where a partition's stream stood when a generation was opened. */
export interface GenerationOpening {
  generation: number;
  isIndexed: boolean;
  epoch: string;
  streamId: string;
}

export interface SealedGenerationRow {
  generation: number;
  isIndexed: boolean;
  sealedAt: Date;
  /** Null: not looked up yet. */
  newestReceivedAt: Date | null;
}

/**
 * The generation that this transaction writes to, for a writer of `partition`; it stays the current one until the
 * transaction's end.
 */
export async function lockCurrent(tx: Transaction, partition: number): Promise<CurrentGeneration> {
  const row = await tx.row<CurrentGeneration>(
    "usageGenerations.lockCurrent",
    sql`select generation, table_name as "tableName", is_indexed as "isIndexed", has_repeats as "hasRepeats", openings
    from lock_usage_generation(${partition}::int)`,
  );
  if (row === null) throw new Error("there is no current generation of usage records");
  return row;
}

/** The current generation and how large its table is; `openedAt` is null before anybody has set it. */
export async function findCurrent(
  q: Queryable,
): Promise<{ generation: number; openedAt: Date | null; tableBytes: number }> {
  const row = await q.row<{ generation: number; openedAt: Date | null; tableBytes: number }>(
    "usageGenerations.findCurrent",
    sql`select generation, opened_at as "openedAt", pg_relation_size(table_name::regclass) as "tableBytes"
    from usage_generations where sealed_at is null`,
  );
  if (row === null) throw new Error("there is no current generation of usage records");
  return row;
}

/** Sets the opening of a generation that has none. */
export const updateOpened = (q: Queryable, generation: number, now: Date): Promise<number> =>
  q.run(
    "usageGenerations.updateOpened",
    sql`update usage_generations set opened_at = ${now}::timestamptz
    where generation = ${generation}::int and opened_at is null`,
  );

/**
 * Seals `generation`, where it is the current one still, and opens the next. Waits for the commits under way, which under
 * load take up to a second and a half, and new ones wait for it, for three at most. Throws a lock time-out, which a repeat
 * can mend.
 */
export async function rotate(tx: Transaction, generation: number, now: Date): Promise<boolean> {
  await tx.client.query("set local lock_timeout = '3s'");
  const row = await tx.row<{ done: boolean }>(
    "usageGenerations.rotate",
    sql`select rotate_usage_generation(${generation}::int, ${now}::timestamptz) as done`,
  );
  return row?.done === true;
}

/** The generations before `before`, oldest first. */
export const listSealed = (q: Queryable, before: number): Promise<SealedGenerationRow[]> =>
  q.rows(
    "usageGenerations.listSealed",
    sql`select generation, is_indexed as "isIndexed", sealed_at as "sealedAt", newest_received_at as "newestReceivedAt"
    from usage_generations where generation < ${before}::int and sealed_at is not null order by generation`,
  );

/** Looks up the newest record of a sealed generation, by reading it once; of an empty one its end. */
export const updateNewestReceived = (q: Queryable, generation: number): Promise<number> =>
  q.run(
    "usageGenerations.updateNewestReceived",
    sql`update usage_generations set newest_received_at =
      coalesce((select max(received_at) from usage_records where generation = ${generation}::int), sealed_at)
    where generation = ${generation}::int and sealed_at is not null and newest_received_at is null`,
  );

/** Drops a sealed generation with its records, filters and positions. Throws a lock time-out, which a repeat can mend. */
export async function drop(tx: Transaction, generation: number): Promise<boolean> {
  await tx.client.query("set local lock_timeout = '500ms'");
  const row = await tx.row<{ done: boolean }>(
    "usageGenerations.drop",
    sql`select drop_usage_generation(${generation}::int) as done`,
  );
  return row?.done === true;
}

/** Where a partition's stream stood when a sealed generation was opened, and when the next one was. */
export interface GenerationSpanRow {
  generation: number;
  partition: number;
  fromEpoch: string;
  fromStreamId: string;
  toEpoch: string;
  toStreamId: string;
}

/** The spans of these sealed generations in these partitions, newest generation first. */
export const listSpans = (
  q: Queryable,
  { generations, partitions }: { generations: readonly number[]; partitions: readonly number[] },
): Promise<GenerationSpanRow[]> =>
  q.rows(
    "usageGenerations.listSpans",
    sql`select g.generation, p.partition_no as "partition",
      coalesce(since.epoch, '') as "fromEpoch", coalesce(since.last_stream_id, '0-0') as "fromStreamId",
      coalesce(until.epoch, '') as "toEpoch", coalesce(until.last_stream_id, '0-0') as "toStreamId"
    from usage_generations g cross join unnest(${partitions}::int[]) as p (partition_no)
    left join usage_generation_positions since on since.generation = g.generation and since.partition_no = p.partition_no
    left join usage_generation_positions until
      on until.generation = g.generation + 1 and until.partition_no = p.partition_no
    where g.generation = any(${generations}::int[]) and g.sealed_at is not null
    order by g.generation desc, p.partition_no`,
  );

/** An event to look for, with the generation to look in, which has its index. */
export interface WantedEvent extends EventPayload {
  generation: number;
}

/** Which of these events are stored in the generation that each is looked for in; older generations first. */
export const listKnownIn = (q: Queryable, wanted: readonly WantedEvent[]): Promise<KnownEventRow[]> =>
  // Limited and lateral: a join could be planned as one pass over whole generations.
  q.rows(
    "usageGenerations.listKnownIn",
    sql`select w.account_id as "accountId", w.event_id as "id", stored.is_same as "isSamePayload"
    from unnest(${wanted.map((each) => each.generation)}::int[], ${wanted.map((each) => each.accountId)}::text[],
      ${wanted.map((each) => each.id)}::text[], ${wanted.map((each) => each.metric)}::text[],
      ${wanted.map((each) => each.quantity)}::bigint[], ${wanted.map((each) => each.propertiesJson)}::jsonb[])
      as w (generation, account_id, event_id, metric, quantity, properties)
    cross join lateral (
      select r.metric = w.metric and r.quantity = w.quantity and r.properties is not distinct from w.properties as is_same
      from usage_records r
      where r.generation = w.generation and r.account_id = w.account_id and r.event_id = w.event_id limit 1) stored
    order by w.generation`,
  );

/** Account and event id of every record of a generation, as PostgreSQL's binary COPY writes them. */
export function copyIds(tx: Transaction, generation: number): Readable {
  if (!Number.isSafeInteger(generation)) throw new TypeError(`no generation: ${generation}`);
  return tx.client.query(
    copyTo(`copy usage_records_${generation} (account_id, event_id) to stdout (format binary)`),
  );
}
