import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createDriver,
  type DevFile,
  makeCluster,
  startRedisServers,
  startUsageParts,
  until,
  type UsageParts,
} from "@driftlock/devkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { compareStored, differencesOf, readFigures, untilDrained } from "./figures.ts";
import { demoAccountIds, demoEventOf, startPushLoad, untilMore } from "./push-load.ts";
import { createRandom } from "@driftlock/runtime";

/** Of a partition that one of the accounts is in. */
const usageKey = "{dlu:0}:stream";

let home: string;
let parts: UsageParts;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "driftlock-cluster-durability-"));
  parts = await startUsageParts({ home, say: () => {} });
});
afterAll(async () => {
  await parts.close();
  await rm(home, { recursive: true, force: true });
});

/** A gateway at this level and an aggregator under load, on three masters; a server can be the replica of `master`. */
async function openOnCluster(level: "fsync" | "committed") {
  const redis = await startRedisServers({
    folder: await mkdtemp(join(home, `${level}-`)),
    count: 4,
    settings: { "cluster-enabled": "yes", "cluster-node-timeout": "1500" },
  });
  onTestFinished(redis.close);
  const replica = redis.servers[3];
  const cluster = await makeCluster(redis.servers.slice(0, 3));
  onTestFinished(cluster.close);
  const owner = await cluster.ownerOf(usageKey);
  const master = redis.servers[owner];
  if (!master || !replica) throw new Error("no servers");
  const databaseUrl = await parts.createDatabase(`cluster_${level}`);
  const env = { REDIS_URL: cluster.url, USAGE_DURABILITY: level };
  const api = await parts.startApp("api", { databaseUrl, env });
  onTestFinished(api.stop);
  const aggregator = await parts.startApp("usage-aggregator", { databaseUrl, env });
  onTestFinished(aggregator.stop);
  const dev: Partial<DevFile> = {
    ...{ apiUrl: api.url, serviceKey: parts.serviceKey, databaseUrl, redisUrl: cluster.url },
    ...{ stripeUrl: "http://127.0.0.1", stripeSecretKey: "sk_test_unused" },
  };
  const load = startPushLoad({
    ...{ urls: [api.url], serviceKey: parts.serviceKey, prefix: "d", producers: 3, eventOf: demoEventOf },
    random: createRandom(1),
  });
  await untilMore("usage", load);
  return { cluster, owner, master, replica, databaseUrl, load, driver: createDriver(dev as DevFile) };
}

/** Nothing is sent again but what was answered 503. */
async function expectNothingLost({
  load,
  cluster,
  databaseUrl,
  driver,
}: Awaited<ReturnType<typeof openOnCluster>>) {
  await load.stop();
  await untilDrained({ redisUrl: cluster.url, databaseUrl });
  const { missing, wrong } = await compareStored(databaseUrl, load, demoAccountIds);
  expect({ missing, wrong, faults: load.faults }).toEqual({ missing: [], wrong: [], faults: [] });
  expect((await readFigures(driver, load)).flatMap(differencesOf)).toEqual([]);
  expect(load.retries()).toBeGreaterThan(0);
}

test("committed: a slot is moved and a replica that lags takes over under load, and nothing that was acknowledged is lost", async () => {
  const opened = await openOnCluster("committed");
  const { cluster, owner, master, replica, load } = opened;
  await cluster.addReplica(replica, owner);
  await cluster.moveSlotOf(usageKey, (owner + 1) % 3);
  await untilMore("usage after the move", load);
  await cluster.moveSlotOf(usageKey, owner);
  const [ofMaster, ofReplica] = [new Redis(master.url), new Redis(replica.url)];
  for (const node of [ofMaster, ofReplica]) onTestFinished(() => node.on("error", () => {}).disconnect());
  await ofReplica.config("SET", "masterauth", "none-of-its");
  await ofMaster.call("CLIENT", "KILL", "TYPE", "replica");
  await untilMore("usage that the replica lacks", load);
  ofMaster.disconnect();
  await master.kill();
  await until("the replica is the master", async () =>
    (await ofReplica.info("replication")).includes("role:master"),
  );
  await untilMore("usage on the new master", load);
  await expectNothingLost(opened);
});

test("fsync: a master dies under load and comes back, and nothing that was acknowledged is lost", async () => {
  const opened = await openOnCluster("fsync");
  await opened.master.kill();
  await opened.master.start();
  await untilMore("usage after the death", opened.load);
  await expectNothingLost(opened);
});
