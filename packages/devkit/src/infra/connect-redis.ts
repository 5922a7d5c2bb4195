import { Cluster, Redis } from "ioredis";

/**
 * Connects to what a REDIS_URL names: one node, or, as `redis+cluster://host:port?nodes=host:port`, a cluster. A
 * command fails after so many further `tries`; with none of them the connection is not made again either.
 */
export function connectRedis(url: string, { tries }: { tries: number }): Redis | Cluster {
  const client = /^rediss?\+cluster:/.test(url) ? connectCluster(url, tries) : connectNode(url, tries);
  client.on("error", () => {}); // each command tells
  return client;
}

const connectNode = (url: string, tries: number): Redis =>
  new Redis(url, { maxRetriesPerRequest: tries, ...(tries === 0 && { retryStrategy: () => null }) });

function connectCluster(url: string, tries: number): Cluster {
  const { protocol, host, searchParams, username, password } = new URL(url);
  const nodes = [host, ...(searchParams.get("nodes")?.split(",") ?? [])];
  return new Cluster(
    nodes.map((node) => `redis://${node}`),
    {
      ...(tries === 0 && { clusterRetryStrategy: () => null }),
      redisOptions: {
        maxRetriesPerRequest: tries,
        ...(username && { username: decodeURIComponent(username) }),
        ...(password && { password: decodeURIComponent(password) }),
        ...(protocol.startsWith("rediss") && { tls: {} }),
      },
    },
  );
}
