import { randomUUID } from "node:crypto";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { loadBinaryScript, loadScript } from "../script.ts";
import type { StreamPosition } from "./seed-counters.ts";

/** A position together with the read that its entries came from, `<reader>:<number>`; "" before the first. */
export interface ReadPosition extends StreamPosition {
  lastRead: string;
}

export interface StreamEntry {
  streamId: string;
  /** Field `d`, for `decodeRows`. */
  data: Buffer;
}

export interface StreamPage {
  entries: StreamEntry[];
  /** Cut off at `bytesMax`: there may be more already. */
  isFull: boolean;
  lastRead: string;
}

/** Reads one partition's stream, one read after the other. Of no use any more after a failure. */
export interface StreamReader {
  /** Another one than the position's: all is read. Empty: nothing was ever written. */
  readonly epoch: string;
  /**
   * The entries behind `after`, oldest first, until their records pass `bytesMax`; of another epoch's position, from the
   * beginning. Throws ReadLostError, UNAVAILABLE.
   */
  read(after: StreamPosition, bytesMax: number): Promise<StreamPage>;
}

/** Redis's memory lacks what was read, or another epoch has begun: to open the stream again tells. */
export class ReadLostError extends Error {}

/** Entries are of any size up to some MB: a few show how many to ask for. */
const firstEntries = 8;
const entriesMax = 1_000;
/** Of one call, which nobody else's pass: a millisecond of Redis. */
const pageBytes = 500_000;

const openScript = loadScript("open-stream");
const trimScript = loadScript("trim-stream");
const readScript = loadBinaryScript("read-stream");

/**
 * Reads on behind what is committed. Where Redis came back without some of that, or of a life of its own, another epoch
 * begins first. `committed` is the position in Postgres, read just now. Throws UNAVAILABLE.
 */
export async function openStream(
  redis: RedisClient,
  partition: number,
  committed: ReadPosition,
): Promise<StreamReader> {
  const reader = randomUUID();
  const epoch = await open(redis, partition, { committed, reader });
  let reads = 0;

  async function readPage(from: string, count: number): Promise<StreamEntry[]> {
    const [number, found] = (await readScript(
      redis,
      [keys.meta(partition), keys.reads(partition), keys.stream(partition)],
      [epoch, reader, reads, from, count],
    )) as [number, [Buffer, Buffer[]][]];
    if (number < 0) throw new ReadLostError(`reads of partition ${partition} are lost`);
    reads = number;
    return found.map(([id, fields]) => ({ streamId: id.toString(), data: dataOf(fields) }));
  }

  async function readPages(from: string, bytesMax: number): Promise<StreamPage> {
    const entries: StreamEntry[] = [];
    let bytes = 0;
    for (let next = from, count = firstEntries; bytes < bytesMax; ) {
      const found = await readPage(next, count);
      for (const entry of found) bytes += entry.data.length;
      entries.push(...found);
      if (found.length < count) break;
      next = `(${found.at(-1)?.streamId}`;
      const bytesEach = Math.max(1, bytes / entries.length);
      count = Math.max(1, Math.min(Math.ceil(Math.min(bytesMax - bytes, pageBytes) / bytesEach), entriesMax));
    }
    return { entries, isFull: bytes >= bytesMax, lastRead: `${reader}:${reads}` };
  }

  return {
    epoch,
    read: (after, bytesMax) => readPages(after.epoch === epoch ? `(${after.streamId}` : "-", bytesMax),
  };
}

/**
 * Begins another epoch where Redis lacks some of what is committed; see `openStream`. @returns the epoch. Throws
 * UNAVAILABLE.
 */
export const verifyStream = (
  redis: RedisClient,
  partition: number,
  committed: ReadPosition,
): Promise<string> => open(redis, partition, { committed, reader: "" });

const open = async (
  redis: RedisClient,
  partition: number,
  { committed, reader }: { committed: ReadPosition; reader: string },
): Promise<string> =>
  (await openScript(
    redis,
    [keys.meta(partition), keys.reads(partition)],
    [committed.epoch, committed.streamId, committed.lastRead, reader, randomUUID()],
  )) as string;

/** An entry without the field is none of ours: it is read as one that cannot be decoded. */
function dataOf(fields: readonly Buffer[]): Buffer {
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (fields[index]?.toString() === "d") return fields[index + 1] ?? notOurs;
  return notOurs;
}
const notOurs = Buffer.from("no field d");

/** Lets go of what is committed. Throws ReadLostError, UNAVAILABLE; a repeat changes nothing. */
export async function trimStream(
  redis: RedisClient,
  partition: number,
  committed: ReadPosition,
): Promise<void> {
  const cut = await trimScript(
    redis,
    [keys.meta(partition), keys.stream(partition), keys.reads(partition)],
    [committed.epoch, committed.streamId, committed.lastRead],
  );
  if (cut === -1) throw new ReadLostError(`what is committed of partition ${partition} is lost`);
}
