import type { Queryable } from "../db.ts";
import { prepared, sql } from "../sql.ts";

/** How far a partition's stream is committed; the fence is its owner's. */
export interface StreamPositionRow {
  partition: number;
  fence: number;
  epoch: string;
  streamId: string;
  /** The read of the stream that the newest batch came from, `<reader>:<number>`; "" before the first. */
  lastRead: string;
}

const columns = `partition_no as "partition", fence, epoch, last_stream_id as "streamId", last_read as "lastRead"`;

/** A row for each of the installation's partitions; what is there stays. */
export const insertPositionsIfMissing = (q: Queryable, partitions: number): Promise<number> =>
  q.run(
    "usageStreamPositions.insertIfMissing",
    sql`insert into usage_stream_positions (partition_no) select generate_series(0, ${partitions}::int - 1)
    on conflict (partition_no) do nothing`,
  );

/** How far each partition is committed, in the order of the partitions. */
export const listPositions = (q: Queryable): Promise<StreamPositionRow[]> =>
  q.rows("usageStreamPositions.list", {
    text: `select ${columns} from usage_stream_positions order by partition_no`,
    values: [],
  });

/** How far a partition is committed, and the fence of its owner. */
export const findPosition = (q: Queryable, partition: number): Promise<StreamPositionRow | null> =>
  q.row("usageStreamPositions.find", {
    text: `select ${columns} from usage_stream_positions where partition_no = $1::int`,
    values: [partition],
  });

/** Leases up to `count` partitions that nobody holds any more; each claim raises the fence. */
export const claimPartitions = (
  q: Queryable,
  claim: { aggregator: string; count: number; leaseMs: number },
): Promise<StreamPositionRow[]> =>
  q.rows("usageStreamPositions.claim", {
    text: `update usage_stream_positions set owner = $1::text, fence = fence + 1,
        leased_until = clock_timestamp() + $2::int * interval '1 millisecond'
      where partition_no in (select partition_no from usage_stream_positions where leased_until <= clock_timestamp()
        order by partition_no limit $3::int for update skip locked)
      returning ${columns}`,
    values: [claim.aggregator, claim.leaseMs, claim.count],
  });

interface Leases {
  aggregator: string;
  held: readonly { partition: number; fence: number }[];
}

const isHeld = `partition_no = h.partition_no and u.fence = h.fence and u.owner = $1::text`;
const heldTable = `unnest($2::int[], $3::bigint[]) as h (partition_no, fence)`;
const heldValues = ({ aggregator, held }: Leases) => [
  aggregator,
  held.map(({ partition }) => partition),
  held.map(({ fence }) => fence),
];

/** Holds on to leases. @returns the partitions that are still this aggregator's. */
export const renewLeases = async (q: Queryable, leases: Leases & { leaseMs: number }): Promise<number[]> => {
  const rows = await q.rows<{ partition: number }>("usageStreamPositions.renew", {
    text: `update usage_stream_positions u set leased_until = clock_timestamp() + $4::int * interval '1 millisecond'
      from ${heldTable} where u.${isHeld} returning u.partition_no as "partition"`,
    values: [...heldValues(leases), leases.leaseMs],
  });
  return rows.map(({ partition }) => partition);
};

/** Gives leases back at once. */
export const releaseLeases = (q: Queryable, leases: Leases): Promise<number> =>
  q.run("usageStreamPositions.release", {
    text: `update usage_stream_positions u set leased_until = '-infinity', owner = null from ${heldTable} where u.${isHeld}`,
    values: heldValues(leases),
  });

/**
 * Moves a position to `to` where it is at `from` still and `fence` is its newest owner's; locked until the transaction
 * ends. @returns whether it was so.
 */
export const advancePosition = async (
  q: Queryable,
  move: {
    partition: number;
    fence: number;
    from: { epoch: string; streamId: string };
    to: { epoch: string; streamId: string; lastRead: string };
  },
): Promise<boolean> => {
  const moved = await q.run(
    "usageStreamPositions.advance",
    prepared(sql`update usage_stream_positions set epoch = ${move.to.epoch}::text, last_stream_id = ${move.to.streamId}::text,
      last_read = ${move.to.lastRead}::text, committed_at = clock_timestamp()
    where partition_no = ${move.partition}::int and fence = ${move.fence}::bigint
      and epoch = ${move.from.epoch}::text and last_stream_id = ${move.from.streamId}::text`),
  );
  return moved === 1;
};
