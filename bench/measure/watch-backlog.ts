import type { Redis } from "ioredis";

export interface Backlog {
  /** Events that waited in the streams on average, in the middle third of the time and in the last. */
  eventsMiddle: number;
  eventsEnd: number;
  redisBytesMax: number;
}

const SAMPLE_MS = 250;

/** Samples the streams' lengths and Redis's memory until `stop`. */
export function watchBacklog(redis: Redis, partitions: number) {
  const samples: { entries: number; bytes: number }[] = [];
  let reading: Promise<void> | null = null;
  const sample = async () => {
    const [entries, bytes] = await Promise.all([countEntries(redis, partitions), readUsedMemory(redis)]);
    samples.push({ entries, bytes });
  };
  const timer = setInterval(() => {
    reading ??= sample()
      .catch(() => {}) // the row fails by itself where Redis is gone
      .finally(() => (reading = null));
  }, SAMPLE_MS);
  return {
    async stop(): Promise<void> {
      clearInterval(timer);
      await reading;
    },
    /** In events, of which `accepted` came in all the entries that were ever added. */
    async inEvents(accepted: number): Promise<Backlog> {
      const eventsPerEntry = accepted / Math.max(1, await countEntriesAdded(redis, partitions));
      const third = Math.floor(samples.length / 3);
      const mean = (of: typeof samples) =>
        of.length === 0 ? 0 : of.reduce((sum, { entries }) => sum + entries, 0) / of.length;
      return {
        eventsMiddle: Math.round(mean(samples.slice(third, 2 * third)) * eventsPerEntry),
        eventsEnd: Math.round(mean(samples.slice(samples.length - third)) * eventsPerEntry),
        redisBytesMax: Math.max(0, ...samples.map(({ bytes }) => bytes)),
      };
    },
  };
}

const streamOf = (partition: number) => `{dlu:${partition}}:stream`;
const partitionsOf = (partitions: number) => Array.from({ length: partitions }, (_, partition) => partition);

/** How many entries wait in all streams. */
async function countEntries(redis: Redis, partitions: number): Promise<number> {
  const lengths = await Promise.all(
    partitionsOf(partitions).map((partition) => redis.xlen(streamOf(partition))),
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** How many entries were ever added to all streams. */
async function countEntriesAdded(redis: Redis, partitions: number): Promise<number> {
  const counts = await Promise.all(
    partitionsOf(partitions).map(async (partition) => {
      if ((await redis.exists(streamOf(partition))) === 0) return 0;
      const info = (await redis.xinfo("STREAM", streamOf(partition))) as unknown[];
      return Number(info[info.indexOf("entries-added") + 1]);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

export async function readUsedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1] ?? 0);
}
