// The indexes of generations of records, which are made when a generation is sealed or somebody needs it before: ADR 0037.
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/**
 * Generations whose index is due, oldest first: sealed, asked for, or `ageMs` old by wall time.
 */
export const listDueIndexes = (q: Queryable, ageMs: number): Promise<{ generation: number }[]> =>
  q.rows(
    "usageIndexes.listDueIndexes",
    sql`select generation from usage_generations where not is_indexed and (sealed_at is not null
      or index_asked_at is not null or made_at < clock_timestamp() - ${ageMs}::int * interval '1 millisecond')
    order by generation`,
  );

/**
 * Makes a generation's index: `made`, or `repeats` where it holds an id twice, of which `detail` names one; null where it
 * was there. Some 1.3 µs a record, for which its writers wait.
 */
export async function makeIndex(
  q: Queryable,
  generation: number,
): Promise<{ made: "made" | "repeats"; detail: string | null } | null> {
  const row = await q.row<{ made: "made" | "repeats" | null; detail: string | null }>(
    "usageIndexes.makeIndex",
    sql`select made, detail from index_usage_generation(${generation}::int)`,
  );
  const made = row?.made ?? null;
  return made === null ? null : { made, detail: row?.detail ?? null };
}

/**
 * Has the indexes made that a reader of an account's records goes by; until then each page reads through the rest. Waits
 * for none that is being made.
 */
export const askForIndexes = (q: Queryable): Promise<number> =>
  q.run(
    "usageIndexes.askForIndexes",
    sql`update usage_generations set index_asked_at = clock_timestamp() where generation in (
      select generation from usage_generations where not is_indexed and index_asked_at is null
      for no key update skip locked)`,
  );

export interface UnindexedGeneration {
  generation: number;
  /** By wall time, since it was made. */
  ageMs: number;
  /** Of its table. */
  bytes: number;
  /** The epoch of each partition when it was opened; none is "". */
  epochs: Record<number, string>;
}

/** The generations that have no index yet: mostly none, or the current one. */
export const listUnindexed = (q: Queryable): Promise<UnindexedGeneration[]> =>
  q.rows(
    "usageIndexes.listUnindexed",
    sql`select g.generation, (extract(epoch from clock_timestamp() - g.made_at) * 1000)::float8 as "ageMs",
      pg_relation_size(g.table_name::regclass) as bytes,
      (select coalesce(json_object_agg(p.partition_no, p.epoch), '{}') from usage_generation_positions p
        where p.generation = g.generation) as epochs
    from usage_generations g where not g.is_indexed order by g.generation`,
  );
