import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { StreamPosition } from "./seed-counters.ts";

const oldestScript = loadScript("read-oldest");

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

/** When the oldest entry that waits in each partition's stream was written, Redis's wall clock; null where none does. */
export async function readOldestMs(redis: RedisClient, partitions: number): Promise<(number | null)[]> {
  const ids = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => oldestScript(redis, [keys.stream(partition)], [])),
  );
  return ids.map((id) => (id === "" ? null : Number.parseInt(String(id), 10)));
}

const endScript = loadScript("read-stream-end");

/**
 * The newest entry of a partition's stream: all that was accepted up to now lies at or before it; 0-0 where all of it is
 * committed and cut off. With no stream the epoch is empty. Throws UNAVAILABLE.
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
 * one, Redis was lost since. What it still has of then lies at or before `end`, and is committed again in that epoch.
 */
export function hasReached(
  committed: StreamPosition,
  { end, present }: { end: StreamPosition; present: StreamPosition },
): boolean {
  const isLost = present.epoch !== end.epoch;
  const wanted = isLost && isBefore(present.streamId, end.streamId) ? present.streamId : end.streamId;
  if (wanted === "0-0") return true;
  return committed.epoch === present.epoch && !isBefore(committed.streamId, wanted);
}

function isBefore(id: string, other: string): boolean {
  const [ms = 0, sequence = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split("-").map(Number);
  return ms < otherMs || (ms === otherMs && sequence < otherSequence);
}
