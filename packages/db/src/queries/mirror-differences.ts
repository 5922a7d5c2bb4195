import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** An object of Stripe that is not as its mirror, or our catalogue, says. */
export interface MirrorDifferenceRow {
  objectId: string;
  objectType: string;
  accountId: string | null;
  difference: string;
  /** In how many walks in a row. */
  looks: number;
  since: Date;
  seenAt: Date;
}

/** Notes a difference that a walk saw. @returns in how many walks in a row by now. */
export const upsertDifference = async (
  q: Queryable,
  seen: Pick<MirrorDifferenceRow, "objectId" | "objectType" | "accountId" | "difference"> & { now: Date },
): Promise<number> => {
  const row = await q.row<{ looks: number }>(
    "mirrorDifferences.upsert",
    sql`insert into mirror_differences as d (object_id, object_type, account_id, difference, since, seen_at)
    values (${seen.objectId}::text, ${seen.objectType}::text, ${seen.accountId}::text, ${seen.difference}::text,
      ${seen.now}::timestamptz, ${seen.now}::timestamptz)
    on conflict (object_id) do update set object_type = excluded.object_type, account_id = excluded.account_id,
      difference = excluded.difference, looks = d.looks + 1, seen_at = excluded.seen_at
    returning looks`,
  );
  return row?.looks ?? 0;
};

/** Forgets what differs no more. */
export const deleteDifferences = (q: Queryable, objectIds: readonly string[]): Promise<number> =>
  q.run(
    "mirrorDifferences.deleteMany",
    sql`delete from mirror_differences where object_id = any(${objectIds}::text[])`,
  );

/** Forgets what a whole walk of a type has not seen: the object is no longer listed. */
export const deleteUnseen = (q: Queryable, objectType: string, seenBefore: Date): Promise<number> =>
  q.run(
    "mirrorDifferences.deleteUnseen",
    sql`delete from mirror_differences where object_type = ${objectType}::text and seen_at < ${seenBefore}::timestamptz`,
  );

/** Differences that a repair, or the time for one, did not end. */
export const countLasting = async (q: Queryable): Promise<number> => {
  const row = await q.row<{ count: number }>(
    "mirrorDifferences.countLasting",
    sql`select count(*) as count from mirror_differences where looks > 1`,
  );
  return row?.count ?? 0;
};

/** The oldest first. */
export const listDifferences = (q: Queryable, limit: number): Promise<MirrorDifferenceRow[]> =>
  q.rows(
    "mirrorDifferences.list",
    sql`select object_id as "objectId", object_type as "objectType", account_id as "accountId", difference, looks, since,
      seen_at as "seenAt" from mirror_differences order by since, object_id limit ${limit}::int`,
  );
