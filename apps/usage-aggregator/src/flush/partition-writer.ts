import { setTimeout as delay } from "node:timers/promises";
import { type Db, usageStreamPositions } from "@driftlock/db";
import { readStream, type RedisClient, type StreamPosition, trimStream } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { FlushTrigger, Measures } from "../measures.ts";
import { applyCorrections } from "./apply-corrections.ts";
import { commitBatch, PositionMovedError, StaleOwnerError } from "./commit-batch.ts";
import type { MetricDirectory } from "./metric-directory.ts";

/** Some twenty thousand events: where larger batches stop being cheaper. */
const batchBytesMax = 3_000_000;
const backoffMsMax = 2_000;

export interface PartitionWriter {
  readonly partition: number;
  readonly fence: number;
  /** Resolves when it has ended: stopped, or because the partition has another owner by now. */
  readonly ended: Promise<void>;
  /** Why nothing is written at the moment; null while all is well. */
  fault(): Error | null;
  /** Writes once more what there is and ends. */
  stop(): Promise<void>;
}

export interface WriterResources {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  metrics: MetricDirectory;
  measures: Measures;
  log: Logger;
  flushIntervalMs: number;
}

/**
 * Writes one partition from its stream to Postgres for as long as its lease's fence holds: read, commit, cut off,
 * correct, in this order, so that a death between any two is made good by whoever goes on from the committed position.
 */
export function startPartitionWriter(
  resources: WriterResources,
  lease: { partition: number; fence: number },
): PartitionWriter {
  const { db, redis, log, measures, flushIntervalMs } = resources;
  const { partition, fence } = lease;
  const stopping = new AbortController();
  let fault: Error | null = null;

  async function flush(
    position: StreamPosition,
    waited: FlushTrigger,
  ): Promise<{ to: StreamPosition; isFull: boolean }> {
    const page = await readStream(redis, { partition, after: position, bytesMax: batchBytesMax });
    const newest = page.entries.at(-1);
    if (newest === undefined) return { to: position, isFull: false };
    const to = { epoch: page.epoch, streamId: newest.streamId };
    const startedAt = performance.now();
    const report = await commitBatch(resources, { ...lease, from: position, to, entries: page.entries });
    const oldestMs = Math.max(0, Date.now() - Number.parseInt(page.entries[0]?.streamId ?? "0", 10));
    const trigger = page.isFull ? "size" : waited;
    measures.flushed({ ...report, trigger, seconds: (performance.now() - startedAt) / 1_000, oldestMs });
    if (report.quarantined > 0) log.error({ partition, ...report }, "usage.quarantined");
    await settle(to, report.hasCorrections);
    return { to, isFull: page.isFull };
  }

  /** Makes good what an owner that died, or a failure of ours, has left between a commit and its end. */
  async function resume(): Promise<StreamPosition> {
    const position = await usageStreamPositions.findPosition(db, partition);
    if (position?.fence !== fence) throw new StaleOwnerError(`partition ${partition} has another owner`);
    await settle(position, true);
    return position;
  }

  /** Cut off first: from then on no counter is built from totals older than the commit, which would miss its corrections. */
  async function settle(committed: StreamPosition, hasCorrections: boolean): Promise<void> {
    await trimStream(redis, partition, committed);
    if (hasCorrections) await applyCorrections({ db, redis }, partition);
  }

  async function run(): Promise<void> {
    let position: StreamPosition | null = null;
    for (let failures = 0; ; ) {
      const isLast = stopping.signal.aborted;
      try {
        position ??= await resume();
        const { to, isFull } = await flush(position, isLast ? "shutdown" : "interval");
        position = to;
        fault = null;
        failures = 0;
        if (isLast) return;
        if (!isFull) await pause(flushIntervalMs);
      } catch (error) {
        position = null;
        if (error instanceof StaleOwnerError) {
          log.warn({ partition, fence }, "partition.lost");
          return;
        }
        if (isLast) {
          log.warn({ err: error, partition }, "usage.left-in-stream");
          return;
        }
        if (!(error instanceof PositionMovedError)) {
          fault = error instanceof Error ? error : new Error(String(error));
          if (failures === 0) log.error({ err: error, partition }, "usage.flush-failed");
        }
        failures += 1;
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
