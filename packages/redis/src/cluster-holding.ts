import type { Redis } from "ioredis";

/** What a node of a cluster says of itself. */
export interface Holding {
  /** Rises with each failover to the node, and with the slots that it takes from others. */
  configEpoch: number;
  holds(slot: number): boolean;
}

/** Asks the server itself; a replica holds nothing. */
export async function readHolding(redis: Redis): Promise<Holding> {
  const lines = String(await redis.cluster("NODES")).split("\n");
  // id, address, flags, master, ping, pong, config epoch, link, then its slots: 5, 7-9, or [5->-id] on their way.
  const fields = lines.find((line) => line.includes("myself"))?.split(" ") ?? [];
  const isMaster = fields[2]?.split(",").includes("master") ?? false;
  const ranges = isMaster ? fields.slice(8).filter((range) => !range.startsWith("[")) : [];
  const bounds = ranges.map((range) => range.split("-").map(Number));
  return {
    configEpoch: Number(fields[6]),
    holds: (slot) => bounds.some(([from = 0, to = from]) => from <= slot && slot <= to),
  };
}
