import { randomUUID } from "node:crypto";
import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { StreamPosition } from "./seed-counters.ts";

export interface StreamEntry {
  streamId: string;
  /** Field `d`, for `parseRecords`. */
  data: string;
}

export interface StreamPage {
  /** Another one than was asked for: the entries are that epoch's first. Empty: nothing was ever written. */
  epoch: string;
  entries: StreamEntry[];
  /** Cut off at `bytesMax`: there may be more already. */
  isFull: boolean;
}

const readScript = loadScript("read-stream");
const trimScript = loadScript("trim-stream");

/** The entries behind `after`, oldest first, until their records pass `bytesMax`. Throws UNAVAILABLE. */
export async function readStream(
  redis: RedisClient,
  { partition, after, bytesMax }: { partition: number; after: StreamPosition; bytesMax: number },
): Promise<StreamPage> {
  const [epoch, entries, isFull] = (await readScript(
    redis,
    [keys.meta(partition), keys.stream(partition)],
    [after.epoch, after.streamId, bytesMax, randomUUID()],
  )) as [string, [string, string][], number];
  return {
    epoch,
    entries: entries.map(([streamId, data]) => ({ streamId, data })),
    isFull: isFull === 1,
  };
}

/** Lets go of what is committed. Throws UNAVAILABLE; a repeat changes nothing. */
export async function trimStream(
  redis: RedisClient,
  partition: number,
  committed: StreamPosition,
): Promise<void> {
  await trimScript(
    redis,
    [keys.meta(partition), keys.stream(partition)],
    [committed.epoch, committed.streamId],
  );
}

/** How many entries wait in each partition's stream, by partition. Throws UNAVAILABLE. */
export async function readBacklog(redis: RedisClient, partitions: number): Promise<number[]> {
  try {
    return await Promise.all(
      Array.from({ length: partitions }, (_, partition) => redis.xlen(keys.stream(partition))),
    );
  } catch (error) {
    throw toAppError(error);
  }
}

const endScript = loadScript("read-stream-end");

/**
 * The newest entry of a partition's stream: all that was accepted up to now lies at or before it. With no stream the
 * epoch is empty. Throws UNAVAILABLE.
 */
export async function readStreamEnd(redis: RedisClient, partition: number): Promise<StreamPosition> {
  const [epoch, streamId] = (await endScript(redis, [keys.meta(partition), keys.stream(partition)], [])) as [
    string,
    string,
  ];
  return { epoch, streamId };
}

/**
 * Whether all that was accepted up to `end` is committed. `present` is the stream's end now: where its epoch is another
 * one, Redis was lost since, and what was not committed by then is gone with it.
 */
export function hasReached(
  committed: StreamPosition,
  { end, present }: { end: StreamPosition; present: StreamPosition },
): boolean {
  if (end.streamId === "0-0") return true;
  if (present.epoch !== end.epoch) return present.streamId === "0-0" || committed.epoch === present.epoch;
  if (committed.epoch !== end.epoch) return false;
  const [ms = 0, sequence = 0] = committed.streamId.split("-").map(Number);
  const [endMs = 0, endSequence = 0] = end.streamId.split("-").map(Number);
  return ms > endMs || (ms === endMs && sequence >= endSequence);
}
