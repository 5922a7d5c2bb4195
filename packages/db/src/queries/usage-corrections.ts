import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface CorrectionDelta {
  segmentStartMs: number;
  metric: string;
  quantity: number;
}

export interface NewCorrection {
  accountId: string;
  isRebuild: boolean;
  deltas: readonly CorrectionDelta[];
}

export interface CorrectionRow extends NewCorrection {
  correctionId: number;
  epoch: string;
  streamId: string;
}

/** Remembers what the live counters of a batch's accounts have too much, until Redis has taken it back. */
export const insertCorrections = (
  q: Queryable,
  { partition, epoch, streamId }: { partition: number; epoch: string; streamId: string },
  corrections: readonly NewCorrection[],
): Promise<number> =>
  q.run(
    "usageCorrections.insertMany",
    sql`insert into usage_corrections (partition_no, epoch, stream_id, account_id, is_rebuild, deltas)
    select ${partition}::int, ${epoch}::text, ${streamId}::text, * from unnest(
      ${corrections.map(({ accountId }) => accountId)}::text[], ${corrections.map(({ isRebuild }) => isRebuild)}::boolean[],
      ${corrections.map(({ deltas }) => JSON.stringify(deltas))}::jsonb[])`,
  );

/** A partition's corrections that Redis has not taken yet, in their order. */
export const listCorrections = (q: Queryable, partition: number): Promise<CorrectionRow[]> =>
  q.rows(
    "usageCorrections.list",
    sql`select correction_id as "correctionId", epoch, stream_id as "streamId", account_id as "accountId",
      is_rebuild as "isRebuild", deltas from usage_corrections where partition_no = ${partition}::int
    order by correction_id limit 1000`,
  );

export const deleteCorrections = (q: Queryable, correctionIds: readonly number[]): Promise<number> =>
  q.run(
    "usageCorrections.deleteMany",
    sql`delete from usage_corrections where correction_id = any(${correctionIds}::bigint[])`,
  );
