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
}

const readScript = loadScript("read-stream");
const trimScript = loadScript("trim-stream");

/** The entries behind `after`, oldest first. Throws UNAVAILABLE. */
export async function readStream(
  redis: RedisClient,
  { partition, after, entriesMax }: { partition: number; after: StreamPosition; entriesMax: number },
): Promise<StreamPage> {
  const [epoch, entries] = (await readScript(
    redis,
    [keys.meta(partition), keys.stream(partition)],
    [after.epoch, after.streamId, entriesMax, randomUUID()],
  )) as [string, [string, string[]][]];
  return { epoch, entries: entries.map(([streamId, fields]) => ({ streamId, data: fields[3] ?? "" })) };
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
