import { usageAggregators, usageStreamPositions } from "@driftlock/db";
import { createTicker, type Logger } from "@driftlock/runtime";
import type { Db } from "@driftlock/db";
import type { PartitionWriter } from "../flush/partition-writer.ts";

/** A dead process's partitions are taken over within a lease and a tick: 7 s. Wall time. */
const leaseMs = 6_000;
const tickMs = 1_000;
/** However long Postgres was away: a takeover stays within 10 s of its return. */
const backoffMsMax = 2_000;

export interface PartitionKeeper {
  owned(): PartitionWriter[];
  /** Resolves with a word on what is owned; rejects with what keeps a partition from being written. */
  check(): Promise<string>;
  /** Stops all writers after what they have in hand, and gives their partitions back. */
  close(): Promise<void>;
}

interface Deps {
  db: Db;
  log: Logger;
  /** Unique among the aggregators that live. */
  aggregator: string;
  partitions: number;
  startWriter: (lease: { partition: number; fence: number }) => PartitionWriter;
}

/** Shares the partitions with the other aggregators that live: each takes what is free up to its part, and gives back. */
export function createPartitionKeeper({
  db,
  log,
  aggregator,
  partitions,
  startWriter,
}: Deps): PartitionKeeper {
  const writers = new Map<number, PartitionWriter>();

  async function tick(): Promise<void> {
    const living = await usageAggregators.upsertAggregator(db, { aggregator, aliveMs: leaseMs });
    await renew();
    const share = Math.ceil(partitions / Math.max(1, living));
    const surplus = [...writers.values()].slice(share);
    if (surplus.length > 0) await giveBack(surplus);
    else if (writers.size < share) await claim(share - writers.size);
  }

  async function renew(): Promise<void> {
    const held = [...writers.values()];
    if (held.length === 0) return;
    const still = new Set(await usageStreamPositions.renewLeases(db, { aggregator, held, leaseMs }));
    // The others' commits are refused from now on.
    for (const writer of held) {
      if (still.has(writer.partition)) continue;
      writers.delete(writer.partition);
      void writer.stop();
    }
  }

  async function claim(count: number): Promise<void> {
    const claimed = await usageStreamPositions.claimPartitions(db, { aggregator, count, leaseMs });
    for (const lease of claimed) {
      const writer = startWriter({ partition: lease.partition, fence: lease.fence });
      writers.set(lease.partition, writer);
      void writer.ended.then(() => {
        if (writers.get(lease.partition) === writer) writers.delete(lease.partition);
      });
    }
    if (claimed.length > 0)
      log.info({ partitions: claimed.map(({ partition }) => partition) }, "partitions.claimed");
  }

  async function giveBack(leaving: readonly PartitionWriter[]): Promise<void> {
    await Promise.all(leaving.map((writer) => writer.stop()));
    await usageStreamPositions.releaseLeases(db, { aggregator, held: leaving });
    for (const { partition } of leaving) writers.delete(partition);
    log.info({ partitions: leaving.map(({ partition }) => partition) }, "partitions.released");
  }

  const ticker = createTicker({ name: "partitions", intervalMs: tickMs, backoffMsMax, run: tick, log });
  return {
    owned: () => [...writers.values()],
    check: async () => {
      for (const writer of writers.values()) {
        const fault = writer.fault();
        if (fault) throw new Error(`partition ${writer.partition} is not written: ${fault.message}`);
      }
      return `${writers.size} of ${partitions} partitions`;
    },
    close: async () => {
      await ticker.close();
      await giveBack([...writers.values()]);
      await usageAggregators.deleteAggregator(db, aggregator);
    },
  };
}
