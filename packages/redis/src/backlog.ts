import { Cluster } from "ioredis";
import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { keys } from "./keys.ts";
import { loadScript } from "./script.ts";

export interface StreamSize {
  bytes: number;
  entries: number;
}

/** At 25 ns each; 400 MB of single events, or gigabytes of batches. Behind them all are taken to be alike. */
const nodesLookedAt = 100_000;
const measureScript = loadScript("measure-stream");

/** What each partition's stream takes of Redis's memory, by partition. Throws UNAVAILABLE. */
export function readStreamSizes(redis: RedisClient, partitions: number): Promise<StreamSize[]> {
  return Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const [bytes, entries] = (await measureScript(redis, [keys.stream(partition)], [nodesLookedAt])) as [
        number,
        number,
      ];
      return { bytes, entries };
    }),
  );
}

/** How full the fullest server is: bytes in use by `maxmemory`, 0 where it has none. Throws UNAVAILABLE. */
export async function readMemoryShare(redis: RedisClient): Promise<number> {
  const servers = redis instanceof Cluster ? redis.nodes("master") : [redis];
  try {
    const shares = await Promise.all(
      servers.map(async (server) => {
        const info = await server.info("memory");
        const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
        const maxBytes = read("maxmemory");
        return maxBytes === 0 ? 0 : read("used_memory") / maxBytes;
      }),
    );
    return Math.max(0, ...shares);
  } catch (error) {
    throw toAppError(error);
  }
}
