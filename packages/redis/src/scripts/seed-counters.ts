import { randomUUID } from "node:crypto";
import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { loadScript } from "../script.ts";

/** How far into a partition's stream something reaches: all entries of this epoch up to and with this id. */
export interface StreamPosition {
  epoch: string;
  streamId: string;
}

export interface SegmentTotal {
  segmentStartMs: number;
  metric: string;
  quantity: number;
  lastOccurredAtMs: number;
}

const script = loadScript("seed-counters");

/**
 * Builds an account's live counters from one snapshot of Postgres (limits, totals, and the position they reach to)
 * plus what the stream holds behind it. False: the snapshot is too old by now, take another. Throws UNAVAILABLE.
 */
export async function seedCounters(
  redis: RedisClient,
  partition: number,
  snapshot: { limits: AccountLimits; totals: readonly SegmentTotal[]; position: StreamPosition },
): Promise<boolean> {
  const { limits, totals, position } = snapshot;
  const reply = await script(
    redis,
    [
      keys.meta(partition),
      keys.stream(partition),
      keys.limits(partition, limits.accountId),
      keys.live(partition, limits.accountId),
    ],
    [
      limits.accountId,
      randomUUID(),
      position.epoch,
      position.streamId,
      JSON.stringify(limits),
      ...totals.flatMap((total) => [
        total.segmentStartMs,
        total.metric,
        total.quantity,
        total.lastOccurredAtMs,
      ]),
    ],
  );
  return reply === 1;
}
