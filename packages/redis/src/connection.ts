import { Redis } from "ioredis";
import type { Cluster } from "ioredis";

/** One node or a cluster: every script names its keys, and those of a call share a slot. */
export type RedisClient = Redis | Cluster;

const COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MAX = 1_000;

export interface RedisOptions {
  url: string;
  /** Shown by CLIENT LIST. */
  connectionName: string;
  /**
   * `requests` fails a command within 3 s when Redis is away, so that a caller can be told 503. `queues` waits for as
   * long as it takes, which BullMQ's workers demand.
   */
  purpose: "requests" | "queues";
  /** Told of each lost connection; without a listener ioredis would print them. */
  onConnectionError: (error: Error) => void;
}

/** Connects in the background and again for ever, at most a second apart. */
export function createRedis({ url, connectionName, purpose, onConnectionError }: RedisOptions): Redis {
  const redis = new Redis(url, {
    connectionName,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (tries) => Math.min(50 * tries, RECONNECT_MS_MAX),
    // A replica that was a master until just now: connect again, and the name leads to the new one.
    reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
    ...(purpose === "requests"
      ? { commandTimeout: COMMAND_TIMEOUT_MS, maxRetriesPerRequest: 1 }
      : { maxRetriesPerRequest: null }),
  });
  redis.on("error", onConnectionError);
  return redis;
}

/**
 * What is wrong with the server's settings for a system that keeps acknowledged usage in it (DESIGN 3): one sentence
 * each. Empty where all is well, or where the server does not tell (CONFIG is often closed in hosted ones).
 */
export async function findRedisWarnings(redis: Redis): Promise<string[]> {
  const settings = await readSettings(redis, ["maxmemory-policy", "appendonly"]);
  const warnings: string[] = [];
  const policy = settings.get("maxmemory-policy");
  if (policy !== undefined && policy !== "noeviction")
    warnings.push(`Redis has maxmemory-policy ${policy}: it may drop usage and jobs; set noeviction`);
  if (settings.get("appendonly") === "no")
    warnings.push("Redis has appendonly no: a restart loses acknowledged usage; set appendonly yes");
  return warnings;
}

async function readSettings(redis: Redis, names: readonly string[]): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  for (const name of names) {
    const reply = await redis.config("GET", name).catch(() => []);
    const [, value] = reply as string[];
    if (value !== undefined) settings.set(name, value);
  }
  return settings;
}
