import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@driftlock/contracts";
import type { Cluster } from "ioredis";
import { type Holding, readHolding } from "./cluster-holding.ts";
import { createRedis, urlOfNode } from "./connection.ts";
import { slotOf } from "./keys.ts";
import {
  createNodeWitness,
  type NodeWitness,
  type ServerLife,
  type Witness,
  type WitnessOptions,
} from "./node-witness.ts";

const lookMs = 1_000;
/** While a master has no life: it may be back, or another in its place. */
const lookAgainMs = 100;
const answerMsMax = 2_000;

/**
 * One witness for each master, which also asks it once a second what it holds. A life is used for what its server said
 * to hold after it had begun, and ends where the server gives up, or takes, a slot that was asked for: so what is read
 * on it, before it ends, is of the one server that had the partition since before the write. Other reads are refused by
 * the server itself (MOVED).
 */
export function createClusterWitness<Prepared>(options: WitnessOptions<Prepared>): Witness<Prepared> {
  const { url, connectionName, onConnectionError } = options;
  const cluster = createRedis({ url, connectionName, purpose: "requests", onConnectionError });
  const nodes = new Map<string, NodeWitness<Prepared>>();
  const holdings = new WeakMap<ServerLife<Prepared>, Holding>();
  const asked = new Set<number>();
  const closing = new AbortController();
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});

  async function follow(): Promise<void> {
    const masters = await readMasters(cluster as Cluster);
    for (const [address, node] of nodes) {
      if (masters.has(address)) continue;
      nodes.delete(address);
      node.close();
    }
    for (const address of masters) {
      if (nodes.has(address) || closing.signal.aborted) continue;
      const node = createNodeWitness({ ...options, url: urlOfNode(url, address) });
      nodes.set(address, node);
      node.ready().catch((error: unknown) => nodes.get(address) === node && first.reject(error));
    }
  }

  async function ask(node: NodeWitness<Prepared>): Promise<void> {
    const life = node.life();
    if (life === null) return;
    const known = holdings.get(life);
    const present = await withinAnswerTime(readHolding(life.redis)).catch(() => null);
    if (life.ended.aborted) return;
    if (present === null || (known && !isSame(known, present))) node.renew();
    else holdings.set(life, present);
  }

  const isSame = (known: Holding, present: Holding) =>
    known.configEpoch === present.configEpoch &&
    [...asked].every((slot) => known.holds(slot) === present.holds(slot));

  const alive = () =>
    [...nodes.values()].flatMap((node) => {
      const life = node.life();
      const holding = life && holdings.get(life);
      return holding ? [{ life, holding }] : [];
    });

  async function look(): Promise<void> {
    // A cluster that does not tell its masters leaves those that are known.
    await follow().catch(() => {});
    await Promise.all([...nodes.values()].map(ask));
  }

  async function lookUntilClosed(): Promise<void> {
    const { signal } = closing;
    while (!signal.aborted) {
      await look();
      const isWhole = nodes.size > 0 && alive().length === nodes.size;
      if (isWhole) first.resolve();
      await delay(isWhole ? lookMs : lookAgainMs, undefined, { signal }).catch(() => {});
    }
  }
  void lookUntilClosed();

  return {
    ready: () => first.promise,
    lives: () => {
      const present = alive();
      if (present.length === 0) throw unknownMaster();
      return {
        of: (partition) => {
          const slot = slotOf(partition);
          asked.add(slot);
          const holders = present.filter(({ holding }) => holding.holds(slot));
          // After a failover the old master, cut off, may still think that it is one.
          const holder = holders.sort((a, b) => b.holding.configEpoch - a.holding.configEpoch)[0];
          if (holder === undefined) throw unknownMaster();
          return holder.life;
        },
      };
    },
    close: () => {
      closing.abort();
      first.reject(new Error("closed"));
      for (const node of nodes.values()) node.close();
      cluster.disconnect();
    },
  };
}

async function readMasters(cluster: Cluster): Promise<Set<string>> {
  const ranges = await cluster.cluster("SLOTS");
  return new Set(
    ranges.flatMap(([, , master]) => {
      if (master === undefined) return [];
      const [host, port] = master;
      return [`${host.includes(":") ? `[${host}]` : host}:${port}`];
    }),
  );
}

/** A server that hangs keeps its connection. */
async function withinAnswerTime<T>(answer: Promise<T>): Promise<T | null> {
  const late = new AbortController();
  try {
    return await Promise.race([answer, delay(answerMsMax, null, { signal: late.signal })]);
  } finally {
    late.abort();
    answer.catch(() => {});
  }
}

const unknownMaster = () =>
  new AppError("UNAVAILABLE", "A master of the Redis cluster is being replaced; send the same again.", {
    retryAfterSeconds: 2,
  });
