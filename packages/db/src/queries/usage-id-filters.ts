import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";

export interface FilterKey {
  generation: number;
  partition: number;
}

const chunkBytes = 1 << 20;

/** Keeps a filter; one that is kept already stays. Its chunks are written in one transaction: all of them or none. */
export async function insertFilter(
  tx: Transaction,
  { generation, partition }: FilterKey,
  words: Buffer,
): Promise<void> {
  for (let chunk = 0; chunk * chunkBytes < words.length; chunk++) {
    const part = words.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes);
    const inserted = await tx.run(
      "usageIdFilters.insert",
      sql`insert into usage_id_filters (generation, partition_no, chunk_no, words)
      select ${generation}::int, ${partition}::int, ${chunk}::int, ${part}::bytea
      where exists (select from usage_generations where generation = ${generation}::int)
      on conflict do nothing`,
    );
    if (inserted === 0) return;
  }
}

/** Which of these filters are kept, and their sizes. */
export const listFilters = (
  q: Queryable,
  keys: readonly FilterKey[],
): Promise<(FilterKey & { byteCount: number })[]> =>
  q.rows(
    "usageIdFilters.list",
    sql`select generation, partition_no as "partition", sum(octet_length(words))::bigint as "byteCount"
    from usage_id_filters where (generation, partition_no) in (select * from unnest(
      ${keys.map((key) => key.generation)}::int[], ${keys.map((key) => key.partition)}::int[]))
    group by generation, partition_no`,
  );

/** A kept filter, read into `target`, which has its size. @returns whether all of it was there. */
export async function readFilter(
  q: Queryable,
  { generation, partition }: FilterKey,
  target: Uint8Array,
): Promise<boolean> {
  let at = 0;
  for (let chunk = 0; at < target.length; chunk++) {
    const row = await q.row<{ words: Buffer }>(
      "usageIdFilters.readChunk",
      sql`select words from usage_id_filters
      where generation = ${generation}::int and partition_no = ${partition}::int and chunk_no = ${chunk}::int`,
    );
    if (row === null || at + row.words.length > target.length) return false;
    target.set(row.words, at);
    at += row.words.length;
  }
  return true;
}

/** Lets go of the filters of a generation whose ids are not looked for any more. */
export const deleteFilters = (q: Queryable, generation: number): Promise<number> =>
  q.run(
    "usageIdFilters.deleteOfGeneration",
    sql`delete from usage_id_filters where generation = ${generation}::int`,
  );
