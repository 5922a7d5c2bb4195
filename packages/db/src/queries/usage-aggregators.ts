import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** Tells that an aggregator lives, and forgets those that do not. @returns how many live. */
export const upsertAggregator = async (
  q: Queryable,
  { aggregator, aliveMs }: { aggregator: string; aliveMs: number },
): Promise<number> => {
  await q.run(
    "usageAggregators.upsert",
    sql`insert into usage_aggregators (aggregator, alive_until)
    values (${aggregator}::text, clock_timestamp() + ${aliveMs}::int * interval '1 millisecond')
    on conflict (aggregator) do update set alive_until = excluded.alive_until`,
  );
  await q.run(
    "usageAggregators.deleteDead",
    sql`delete from usage_aggregators where alive_until < clock_timestamp()`,
  );
  const row = await q.row<{ count: number }>(
    "usageAggregators.count",
    sql`select count(*) as count from usage_aggregators`,
  );
  return row?.count ?? 0;
};

export const deleteAggregator = (q: Queryable, aggregator: string): Promise<number> =>
  q.run("usageAggregators.delete", sql`delete from usage_aggregators where aggregator = ${aggregator}::text`);
