import { Redis } from "ioredis";
import type { RedisServer } from "./start-redis-servers.ts";
import { until } from "./until.ts";

const slotCount = 16_384;
const keysPerMove = 50;
const moveMsMax = 5_000;

export interface RedisCluster {
  /** As REDIS_URL takes it. */
  readonly url: string;
  /** Which of the servers has a key's slot, by its place among them. */
  ownerOf(key: string): Promise<number>;
  /** Makes a server, not one of them yet, the replica of one of them; resolves when it has all that its master has. */
  addReplica(server: RedisServer, of: number): Promise<void>;
  /** Moves a key's slot to another server, key by key, while everybody works on it. */
  moveSlotOf(key: string, to: number): Promise<void>;
  close(): void;
}

function connect({ url }: RedisServer): Redis {
  const node = new Redis(url);
  node.on("error", () => {});
  return node;
}

/** Makes a cluster of servers that were started with `cluster-enabled yes`, all of them masters with an equal part. */
export async function makeCluster(servers: readonly RedisServer[]): Promise<RedisCluster> {
  const nodes = servers.map(connect);
  const replicas: Redis[] = [];
  const [first] = servers;
  if (first === undefined) throw new Error("a cluster needs servers");
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((index * slotCount) / nodes.length);
    const to = Math.floor(((index + 1) * slotCount) / nodes.length) - 1;
    await node.call("CLUSTER", "ADDSLOTSRANGE", from, to);
    await node.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    if (index > 0) await node.call("CLUSTER", "MEET", "127.0.0.1", first.port);
  }
  const ids = (await Promise.all(nodes.map((node) => node.call("CLUSTER", "MYID")))) as string[];
  await until("the cluster is whole", async () => {
    const infos = (await Promise.all(nodes.map((node) => node.call("CLUSTER", "INFO")))) as string[];
    return infos.every(
      (info) => info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${nodes.length}`),
    );
  });

  const slotOf = async (key: string) => Number(await nodes[0]?.call("CLUSTER", "KEYSLOT", key));
  const ownerOf = async (key: string): Promise<number> => {
    const slot = await slotOf(key);
    const ranges = (await nodes[0]?.call("CLUSTER", "SLOTS")) as [number, number, [string, number, string]][];
    const [, , master] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? [];
    return ids.indexOf(master?.[2] ?? "");
  };

  return {
    url: `redis+cluster://:${first.password}@127.0.0.1:${first.port}?nodes=${servers
      .slice(1)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(",")}`,
    ownerOf,
    async addReplica(server, of) {
      const node = connect(server);
      replicas.push(node);
      await node.call("CLUSTER", "MEET", "127.0.0.1", first.port);
      await until("the replica knows its master", async () =>
        String(await node.call("CLUSTER", "NODES")).includes(`${ids[of]} 127.0.0.1`),
      );
      await node.call("CLUSTER", "REPLICATE", ids[of] ?? "");
      await until("the replica follows", async () =>
        (await node.info("replication")).includes("master_link_status:up"),
      );
    },
    async moveSlotOf(key, to) {
      const [slot, from] = [await slotOf(key), await ownerOf(key)];
      const [source, target, server] = [nodes[from], nodes[to], servers[to]];
      if (!source || !target || !server || from === to)
        throw new Error(`${key} cannot go from ${from} to ${to}`);
      await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from] ?? "");
      await source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to] ?? "");
      for (;;) {
        const keys = (await source.call("CLUSTER", "GETKEYSINSLOT", slot, keysPerMove)) as string[];
        if (keys.length === 0) break;
        const where = ["127.0.0.1", server.port, "", 0, moveMsMax, "AUTH", server.password];
        await source.call("MIGRATE", ...where, "KEYS", ...keys);
      }
      // The new owner first: otherwise nobody has the slot for a moment.
      for (const node of [target, source, ...nodes])
        await node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[to] ?? "");
    },
    close: () => {
      for (const node of [...nodes, ...replicas]) node.disconnect();
    },
  };
}
