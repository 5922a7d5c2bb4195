import { Cluster, type Command, Redis } from "ioredis";

/** One node or a cluster: every script names its keys, and those of a call share a slot. */
export type RedisClient = Redis | Cluster;

const COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MAX = 1_000;

/** Each of at most this many tries waits a tenth of a second: a slot that is moved, or a master that is failed over. */
const CLUSTER_TRIES_MAX = 25;
const CLUSTER_TRY_AGAIN_MS = 100;

export interface RedisOptions {
  /** `redis://` or `rediss://`; of a cluster `redis+cluster://[user:password@]host:port?nodes=host:port,host:port`. */
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

/** Connects in the background and again for ever, at most a second apart. Throws a TypeError where the URL is none. */
export function createRedis(options: RedisOptions): RedisClient {
  const redis = isClusterUrl(options.url) ? connectCluster(options) : connectNode(options);
  redis.on("error", options.onConnectionError);
  return redis;
}

export const isClusterUrl = (url: string) => /^rediss?\+cluster:/.test(url);

/** Of one node of the cluster, `host:port`, with the credentials that all of them share. */
export function urlOfNode(clusterUrl: string, address: string): string {
  const { protocol, username, password } = new URL(clusterUrl);
  const user = username || password ? `${username}:${password}@` : "";
  return `${protocol.replace("+cluster", "")}//${user}${address}`;
}

const reconnectAfterMs = (tries: number) => Math.min(50 * tries, RECONNECT_MS_MAX);

function connectNode({ url, connectionName, purpose }: RedisOptions): Redis {
  return new Redis(url, {
    connectionName,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: reconnectAfterMs,
    // A replica that was a master until just now: connect again, and the name leads to the new one.
    reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
    ...(purpose === "requests"
      ? { commandTimeout: COMMAND_TIMEOUT_MS, maxRetriesPerRequest: 1 }
      : { maxRetriesPerRequest: null }),
  });
}

function connectCluster({ url, connectionName, purpose, onConnectionError }: RedisOptions): Cluster {
  const { protocol, host, searchParams, username, password } = new URL(url);
  const nodes = [host, ...(searchParams.get("nodes")?.split(",") ?? [])].map((node) => {
    const { hostname, port } = new URL(`redis://${node}`);
    return { host: hostname, port: Number(port || 6379) };
  });
  const cluster = new Cluster(nodes, {
    // ioredis's connect() never settles where its ready check finds the cluster failing, and BullMQ's workers wait for
    // it with no limit: they would take no job again. Without the check a failing cluster answers each command itself.
    enableReadyCheck: false,
    clusterRetryStrategy: reconnectAfterMs,
    maxRedirections: CLUSTER_TRIES_MAX,
    retryDelayOnFailover: CLUSTER_TRY_AGAIN_MS,
    retryDelayOnClusterDown: CLUSTER_TRY_AGAIN_MS,
    retryDelayOnTryAgain: CLUSTER_TRY_AGAIN_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    redisOptions: {
      connectionName,
      connectTimeout: CONNECT_TIMEOUT_MS,
      maxRetriesPerRequest: purpose === "requests" ? 1 : null,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol.startsWith("rediss") && { tls: {} }),
    },
  });
  cluster.on("node error", onConnectionError);
  if (purpose === "requests") limitCommands(cluster);
  return cluster;
}

/** A cluster's own waits, for a node, for a slot or for all of it, are outside of what its nodes' time-outs cover. */
function limitCommands(cluster: Cluster): void {
  const send = cluster.sendCommand.bind(cluster);
  cluster.sendCommand = (command: Command, ...rest) => {
    command.setTimeout(COMMAND_TIMEOUT_MS);
    return send(command, ...rest);
  };
}

/**
 * What is wrong with the server's settings for a system that keeps acknowledged usage in it (DESIGN 3): one sentence
 * each. Empty where all is well, or where the server does not tell (CONFIG is often closed in hosted ones).
 */
export async function findRedisWarnings(redis: RedisClient): Promise<string[]> {
  const settings = await readSettings(redis, ["maxmemory-policy", "appendonly"]);
  const warnings: string[] = [];
  const policy = settings.get("maxmemory-policy");
  if (policy !== undefined && policy !== "noeviction")
    warnings.push(`Redis has maxmemory-policy ${policy}: it may drop usage and jobs; set noeviction`);
  if (settings.get("appendonly") === "no")
    warnings.push("Redis has appendonly no: a restart loses acknowledged usage; set appendonly yes");
  return warnings;
}

async function readSettings(redis: RedisClient, names: readonly string[]): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  for (const name of names) {
    const reply = await redis.config("GET", name).catch(() => []);
    const [, value] = reply as string[];
    if (value !== undefined) settings.set(name, value);
  }
  return settings;
}
