import { AppError } from "@driftlock/contracts";
import { readMemoryShare, readStreamSizes, type RedisClient, type StreamSize } from "@driftlock/redis";
import { createTicker, type Logger, type Metrics } from "@driftlock/runtime";

export interface BacklogWatch {
  /** @throws BACKLOG_FULL while more usage waits to be written to Postgres than there is room for. */
  assertRoom(): void;
  close(): Promise<void>;
}

interface Deps {
  redis: RedisClient;
  partitions: number;
  /** Of all partitions' streams together, as Redis counts its memory. */
  bytesMax: number;
  metrics: Metrics;
  log: Logger;
}

const intervalMs = 500;
/** Of a server's `maxmemory`: the rest is for what has to be written all the same, such as queues and limits. */
const memoryShareMax = 0.9;
const retryAfterSeconds = 5;

/**
 * Looks twice a second how much usage waits in Redis, so that producers are told to wait before its memory ends. What
 * was found stays true until the next look that succeeds.
 */
export function createBacklogWatch({ redis, partitions, bytesMax, metrics, log }: Deps): BacklogWatch {
  let sizes: StreamSize[] = [];
  let fault: string | null = null;

  async function look(): Promise<void> {
    const [found, memoryShare] = await Promise.all([
      readStreamSizes(redis, partitions),
      readMemoryShare(redis),
    ]);
    sizes = found;
    const bytes = found.reduce((sum, size) => sum + size.bytes, 0);
    const before = fault;
    fault = faultOf({ bytes, bytesMax, memoryShare });
    if ((before === null) !== (fault === null)) {
      const about = { bytes, bytesMax, memoryShare };
      if (fault === null) log.info(about, "usage.taken-again");
      else log.warn(about, "usage.refused");
    }
  }

  metrics.gauge({
    name: "usage_backlog_bytes",
    help: "What accepted usage that is not in Postgres yet takes of Redis's memory",
    labels: ["partition"] as const,
    collect: (gauge) => {
      for (const [partition, { bytes }] of sizes.entries())
        gauge.set({ partition: String(partition) }, bytes);
    },
  });
  metrics.gauge({
    name: "usage_backlog_entries",
    help: "Entries of accepted usage that are not in Postgres yet",
    labels: ["partition"] as const,
    collect: (gauge) => {
      for (const [partition, { entries }] of sizes.entries())
        gauge.set({ partition: String(partition) }, entries);
    },
  });
  metrics.gauge({
    name: "usage_refused",
    help: "1 while usage is refused because too much of it waits, else 0",
    collect: (gauge) => gauge.set(fault === null ? 0 : 1),
  });

  const ticker = createTicker({ name: "usage backlog", intervalMs, run: look, log });
  return {
    assertRoom: () => {
      if (fault !== null) throw new AppError("BACKLOG_FULL", fault, { retryAfterSeconds });
    },
    close: () => ticker.close(),
  };
}

function faultOf(found: { bytes: number; bytesMax: number; memoryShare: number }): string | null {
  if (found.bytes > found.bytesMax)
    return "Usage arrives faster than it is written to Postgres; send the same events again later.";
  if (found.memoryShare > memoryShareMax) return "Redis has no room left; send the same events again later.";
  return null;
}
