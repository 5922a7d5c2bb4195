import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCluster, startRedisServers, until } from "@driftlock/devkit";
import { expect, onTestFinished, test } from "vitest";
import { createWitness, keys } from "../src/index.ts";

const usageKey = keys.meta(0);

/** Three masters, and a server that can be the replica of the one that has partition 0. */
async function openCluster() {
  const folder = await mkdtemp(join(tmpdir(), "driftlock-witness-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedisServers({
    ...{ folder, count: 4 },
    settings: { "cluster-enabled": "yes", "cluster-node-timeout": "1500" },
  });
  onTestFinished(redis.close);
  const cluster = await makeCluster(redis.servers.slice(0, 3));
  onTestFinished(cluster.close);
  const owner = await cluster.ownerOf(usageKey);
  const other = (owner + 1) % 3;
  const [master, otherMaster, replica] = [owner, other, 3].map((index) => redis.servers[index]);
  if (!master || !otherMaster || !replica) throw new Error("no servers");
  return { cluster, owner, other, master, otherMaster, replica };
}

test("a life ends where its slot goes and where its master dies, and who takes over has another", {
  timeout: 60_000,
}, async () => {
  const { cluster, owner, other, master, otherMaster, replica } = await openCluster();
  const witness = createWitness({
    ...{ url: cluster.url, connectionName: "witness" },
    prepare: async (redis) => redis.options.port,
    onConnectionError: () => {},
  });
  onTestFinished(witness.close);
  await witness.ready();
  const portOf = async (port: number) => {
    try {
      return witness.lives().of(0).prepared === port;
    } catch {
      return false;
    }
  };
  const first = witness.lives().of(0);
  expect(first.prepared).toBe(master.port);
  expect(witness.lives().of(0)).toBe(first);

  await cluster.moveSlotOf(usageKey, other);
  await until("the move is seen", () => portOf(otherMaster.port));
  expect(first.ended.aborted).toBe(true);
  const second = witness.lives().of(0);
  await cluster.moveSlotOf(usageKey, owner);
  await until("the way back is seen", () => portOf(master.port));
  expect(second.ended.aborted).toBe(true);

  await cluster.addReplica(replica, owner);
  const [third, unconcerned] = [witness.lives().of(0), witness.lives()];
  await master.kill();
  await until("the loss is seen", async () => third.ended.aborted);
  expect(() => witness.lives().of(0)).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  await until("the replica has it", () => portOf(replica.port));
  const others = Array.from({ length: 64 }, (_, partition) => unconcerned.of(partition));
  expect(new Set(others.filter(({ ended }) => !ended.aborted).map(({ prepared }) => prepared)).size).toBe(2);
});
