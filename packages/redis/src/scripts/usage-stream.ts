import { randomUUID } from "node:crypto";
import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { StreamPosition } from "./seed-counters.ts";

export interface StreamEntry {
  streamId: string;
  /** Field `d`, for `decodeRows`. */
  data: Buffer;
}

export interface StreamPage {
  /** Another one than was asked for: the entries are that epoch's first. Empty: nothing was ever written. */
  epoch: string;
  entries: StreamEntry[];
  /** Cut off at `bytesMax`: there may be more already. */
  isFull: boolean;
}

/** Entries are of any size up to some MB: a few show how many to ask for. */
const firstEntries = 8;
const entriesMax = 1_000;

const openScript = loadScript("open-stream");
const trimScript = loadScript("trim-stream");
const oldestScript = loadScript("read-oldest");

/** The entries behind `after`, oldest first, until their records pass `bytesMax`. Throws UNAVAILABLE. */
export async function readStream(
  redis: RedisClient,
  { partition, after, bytesMax }: { partition: number; after: StreamPosition; bytesMax: number },
): Promise<StreamPage> {
  const meta = keys.meta(partition);
  const stream = keys.stream(partition);
  try {
    const found = await readEntries(redis, { stream, from: `(${after.streamId}`, bytesMax });
    // Asked last: where it is the same still, the entries are of this epoch.
    if (found.entries.length > 0 && (await redis.hget(meta, "epoch")) === after.epoch)
      return { epoch: after.epoch, ...found };
    const [epoch, from] = (await openScript(
      redis,
      [meta, stream],
      [after.epoch, after.streamId, randomUUID()],
    )) as [string, string];
    if (epoch === "" || from !== "-") return { epoch, entries: [], isFull: false };
    const first = await readEntries(redis, { stream, from, bytesMax });
    if ((await redis.hget(meta, "epoch")) === epoch) return { epoch, ...first };
    return { epoch: after.epoch, entries: [], isFull: false };
  } catch (error) {
    throw toAppError(error);
  }
}

async function readEntries(
  redis: RedisClient,
  { stream, from, bytesMax }: { stream: string; from: string; bytesMax: number },
): Promise<Pick<StreamPage, "entries" | "isFull">> {
  const entries: StreamEntry[] = [];
  let bytes = 0;
  for (let next = from, count = firstEntries; bytes < bytesMax; ) {
    const found = await redis.xrangeBuffer(stream, next, "+", "COUNT", count);
    for (const [id, fields] of found) {
      const streamId = id.toString();
      const data = dataOf(fields);
      entries.push({ streamId, data });
      bytes += data.length;
      next = `(${streamId}`;
    }
    if (found.length < count) break;
    const bytesEach = Math.max(1, bytes / entries.length);
    count = Math.max(1, Math.min(Math.ceil((bytesMax - bytes) / bytesEach), entriesMax));
  }
  return { entries, isFull: bytes >= bytesMax };
}

/** An entry without the field is none of ours: it is read as one that cannot be decoded. */
function dataOf(fields: readonly Buffer[]): Buffer {
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (fields[index]?.toString() === "d") return fields[index + 1] ?? notOurs;
  return notOurs;
}
const notOurs = Buffer.from("no field d");

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

/** When the oldest entry that waits in each partition's stream was written, Redis's wall clock; null where none does. */
export async function readOldestMs(redis: RedisClient, partitions: number): Promise<(number | null)[]> {
  const ids = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => oldestScript(redis, [keys.stream(partition)], [])),
  );
  return ids.map((id) => (id === "" ? null : Number.parseInt(String(id), 10)));
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
