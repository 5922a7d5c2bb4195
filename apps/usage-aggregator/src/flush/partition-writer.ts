import { setTimeout as delay } from "node:timers/promises";
import { type Db, usageStreamPositions } from "@driftlock/db";
import {
  openStream,
  ReadLostError,
  type ReadPosition,
  type RedisClient,
  type StreamReader,
  trimStream,
} from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { KnownIds } from "../known-ids/known-ids.ts";
import type { FlushTrigger, Measures } from "../measures.ts";
import { applyCorrections } from "./apply-corrections.ts";
import type { BatchPlace, BatchRoom } from "./batch-room.ts";
import { commitBatch, PositionMovedError, StaleOwnerError } from "./commit-batch.ts";
import type { MetricDirectory } from "./metric-directory.ts";
import { type Batch, prepareBatch } from "./prepare-batch.ts";

/** Some thirty thousand events, which share what totals cost; of more, more would wait in memory. */
const batchBytesMax = 3_300_000;
const backoffMsMax = 2_000;
const restMsMax = 1_000;

export interface PartitionWriter {
  readonly partition: number;
  readonly fence: number;
  /** Resolves when it has ended: stopped, or because the partition has another owner by now. */
  readonly ended: Promise<void>;
  /** Why nothing is written at the moment; null while all is well. */
  fault(): Error | null;
  /** Writes one more batch of what there is and ends; the rest stays in the stream. */
  stop(): Promise<void>;
}

export interface WriterResources {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  metrics: MetricDirectory;
  knownIds: KnownIds;
  measures: Measures;
  log: Logger;
  room: BatchRoom;
  flushIntervalMs: number;
  /** Bytes of rows that end a batch. (Default: 3,300,000, some thirty thousand events.) */
  batchBytesMax?: number;
}

interface ReadBatch extends Batch {
  readAtMs: number;
  isFull: boolean;
  place: BatchPlace;
}

/**
 * Writes one partition from its stream to Postgres for as long as its lease's fence holds: read, commit, cut off,
 * correct, in this order, so that a death between any two is made good by whoever goes on from the committed position.
 * While a full batch is committed the next one is read and made ready; a failure throws it away.
 */
export function startPartitionWriter(
  resources: WriterResources,
  lease: { partition: number; fence: number },
): PartitionWriter {
  const { db, redis, log, measures, flushIntervalMs } = resources;
  const { partition, fence } = lease;
  const stopping = new AbortController();
  let fault: Error | null = null;
  let expectsRepeats = false;

  /** The next batch behind a position; null where there is nothing. */
  async function read(reader: StreamReader, after: ReadPosition): Promise<ReadBatch | null> {
    const place = await resources.room.enter();
    try {
      const readAtMs = performance.now();
      const bytesMax = resources.batchBytesMax ?? batchBytesMax;
      const { entries, isFull, lastRead } = await reader.read(after, bytesMax);
      const newest = entries.at(-1);
      if (newest === undefined) {
        place.leave();
        return null;
      }
      const to = { epoch: reader.epoch, streamId: newest.streamId, lastRead };
      const { metrics } = resources;
      const batch = await prepareBatch({ metrics, place }, { from: after, to, entries });
      return { ...batch, readAtMs, isFull, place };
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  async function commit(batch: ReadBatch, waited: FlushTrigger): Promise<void> {
    const startedAtMs = performance.now();
    const report = await commitBatch(resources, batch, { ...lease, expectsRepeats });
    expectsRepeats = report.repeats > 0;
    measures.flushed({
      ...report,
      trigger: batch.isFull ? "size" : waited,
      seconds: (performance.now() - startedAtMs) / 1_000,
      oldestMs: Math.max(0, Date.now() - batch.acceptedSinceMs),
    });
    if (report.quarantined > 0) log.error({ partition, ...report }, "usage.quarantined");
    await settle(batch.to, report.hasCorrections);
  }

  async function commitAndLeave(batch: ReadBatch, waited: FlushTrigger): Promise<void> {
    let isWritten = false;
    try {
      await commit(batch, waited);
      isWritten = true;
    } finally {
      batch.place.leave(isWritten);
    }
  }

  /** Makes good what an owner that died, or a failure of ours, has left between a commit and its end. */
  async function resume(): Promise<{ position: ReadPosition; reader: StreamReader }> {
    const position = await usageStreamPositions.findPosition(db, partition);
    if (position?.fence !== fence) throw new StaleOwnerError(`partition ${partition} has another owner`);
    const reader = await openStream(redis, partition, position);
    if (position.epoch !== "") {
      if (reader.epoch === position.epoch) await settle(position, true);
      else log.warn({ partition, epoch: reader.epoch }, "usage.read-anew");
    }
    return { position, reader };
  }

  /** Cut off first: from then on no counter is built from totals older than the commit, which would miss its corrections. */
  async function settle(committed: ReadPosition, hasCorrections: boolean): Promise<void> {
    await trimStream(redis, partition, committed);
    if (hasCorrections) await applyCorrections({ db, redis }, partition);
  }

  /** Writes on from the committed position until it is stopped; throws at the first failure. */
  async function write(progressed: () => void): Promise<void> {
    const { position: committed, reader } = await resume();
    let position = committed;
    let ahead: Promise<ReadBatch | null> | null = null;
    try {
      for (;;) {
        const isLast = stopping.signal.aborted;
        const readAtMs = performance.now();
        const batch = await (ahead ?? read(reader, position));
        ahead = null;
        if (batch !== null) {
          if (batch.isFull && !isLast) ahead = readAhead(reader, batch.to);
          await commitAndLeave(batch, isLast ? "shutdown" : "interval");
          position = batch.to;
        }
        progressed();
        if (isLast) return;
        if (batch?.isFull !== true) await rest(batch?.readAtMs ?? readAtMs);
      }
    } finally {
      ahead?.then((batch) => batch?.place.leave()).catch(() => {});
    }
  }

  function readAhead(reader: StreamReader, after: ReadPosition): Promise<ReadBatch | null> {
    const ahead = read(reader, after);
    // Where the commit fails first, nobody asks for it any more.
    ahead.catch(() => {});
    return ahead;
  }

  /**
   * Until the interval since the last read is over; or, where writing took long, twice as long as that: under load
   * batches grow instead of transactions.
   */
  async function rest(readAtMs: number): Promise<void> {
    const tookMs = performance.now() - readAtMs;
    await pause(Math.max(flushIntervalMs - tookMs, Math.min(2 * tookMs, restMsMax)));
  }

  async function run(): Promise<void> {
    for (let failures = 0; ; ) {
      const isLast = stopping.signal.aborted;
      try {
        return await write(() => {
          fault = null;
          failures = 0;
        });
      } catch (error) {
        if (error instanceof StaleOwnerError) {
          log.warn({ partition, fence }, "partition.lost");
          return;
        }
        const isMoved = error instanceof PositionMovedError || error instanceof ReadLostError;
        failures += 1;
        if (isMoved && failures === 1) continue;
        if (isLast) {
          log.warn({ err: error, partition }, "usage.left-in-stream");
          return;
        }
        if (!isMoved) {
          if (fault === null) log.error({ err: error, partition }, "usage.flush-failed");
          fault = error instanceof Error ? error : new Error(String(error));
        }
        await pause(Math.min(flushIntervalMs * 2 ** Math.min(failures, 10), backoffMsMax));
      }
    }
  }

  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => {});
  const ended = run();
  return {
    partition,
    fence,
    ended,
    fault: () => fault,
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}
