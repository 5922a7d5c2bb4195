import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createDriver,
  type DevFile,
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
import { startTcpProxy } from "./tcp-proxy.ts";

let home: string;
let parts: UsageParts;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "driftlock-failover-"));
  parts = await startUsageParts({ home, say: () => {} });
});
afterAll(async () => {
  await parts.close();
  await rm(home, { recursive: true, force: true });
});

/** A gateway and an aggregator on a Redis with a replica, both behind lines that can be cut. */
async function openPair(name: string) {
  const folder = await mkdtemp(join(home, `${name}-`));
  const redis = await startRedisServers({ folder, count: 2 });
  onTestFinished(redis.close);
  const [master, replica] = redis.servers;
  if (!master || !replica) throw new Error("no servers");
  const address = await startTcpProxy(master.port);
  onTestFinished(address.close);
  const replication = await startTcpProxy(master.port);
  onTestFinished(replication.close);
  const promoted = new Redis(replica.url);
  onTestFinished(() => promoted.disconnect());
  await promoted.replicaof("127.0.0.1", replication.port);
  await until("the replica follows", async () =>
    (await promoted.info("replication")).includes("master_link_status:up"),
  );

  const redisUrl = `redis://:${master.password}@127.0.0.1:${address.port}`;
  const databaseUrl = await parts.createDatabase(name);
  const [api, aggregator] = await Promise.all([
    parts.startApp("api", { databaseUrl, env: { REDIS_URL: redisUrl } }),
    parts.startApp("usage-aggregator", { databaseUrl, env: { REDIS_URL: redisUrl } }),
  ]);
  onTestFinished(async () => void (await Promise.all([api.stop(), aggregator.stop()])));
  const dev: Partial<DevFile> = {
    ...{ apiUrl: api.url, serviceKey: parts.serviceKey, databaseUrl, redisUrl },
    ...{ stripeUrl: "http://127.0.0.1", stripeSecretKey: "sk_test_unused" },
  };
  const pushLoad = (prefix: string) =>
    startPushLoad({
      ...{ urls: [api.url], serviceKey: parts.serviceKey, prefix, producers: 2, eventOf: demoEventOf },
      random: createRandom(1),
    });
  return {
    driver: createDriver(dev as DevFile),
    databaseUrl,
    redisUrl,
    pushLoad,
    freezeAggregator: () => process.kill(aggregator.pid, "SIGSTOP"),
    wakeAggregator: () => process.kill(aggregator.pid, "SIGCONT"),
    stopReplication: () => replication.leadTo(null),
    async failOver() {
      await master.kill();
      await promoted.replicaof("NO", "ONE");
      address.leadTo(replica.port);
    },
    epochs: async () => {
      const keys = (await promoted.keys("{dlu:*}:meta")).toSorted();
      return Promise.all(keys.map((key) => promoted.hget(key, "epoch")));
    },
  };
}

test("a replica without the newest part takes over: what `redis` loses is sent again, and counters follow the records", async () => {
  const pair = await openPair("lost_tail");
  const load = pair.pushLoad("f");
  await until("there is some usage", () => load.count() > 2_000);
  pair.freezeAggregator();
  const fromMs = Date.now();
  pair.stopReplication();
  await untilMore("usage that the replica lacks", load);
  await pair.failOver();
  const toMs = Date.now();
  pair.wakeAggregator();
  await untilMore("usage on the new master", load);
  await load.stop();
  await untilDrained(pair);

  const before = await compareStored(pair.databaseUrl, load, demoAccountIds);
  const atRisk = load.acknowledgedWithin([{ fromMs: fromMs - 1_000, toMs: toMs + 1_000 }]);
  process.stdout.write(
    `failover | of ${atRisk.length} events acknowledged around a failover, ${before.missing.length} were lost\n`,
  );
  expect(before.missing.length).toBeGreaterThan(0);
  expect(before.missing.filter((number) => !atRisk.includes(number))).toEqual([]);

  await load.sendAgain([{ fromMs: fromMs - 1_000, toMs: toMs + 1_000 }]);
  await untilDrained(pair);
  const { missing, wrong } = await compareStored(pair.databaseUrl, load, demoAccountIds);
  expect({ missing, wrong, faults: load.faults }).toEqual({ missing: [], wrong: [], faults: [] });
  expect((await readFigures(pair.driver, load)).flatMap(differencesOf)).toEqual([]);
});

/** All that was accepted is committed, and the replica knows the first part of it alone. */
async function commitPastReplica(name: string) {
  const pair = await openPair(name);
  const load = pair.pushLoad("f");
  await until("there is some usage", () => load.count() > 2_000);
  pair.stopReplication();
  await untilMore("usage that the replica lacks", load);
  await load.stop();
  await untilDrained(pair);
  return { pair, load };
}

test("a replica that lacks what is committed takes over: another epoch begins, and counters are built anew", async () => {
  const { pair, load } = await commitPastReplica("committed_tail");
  const before = await pair.epochs();
  await pair.failOver();
  await until("the aggregator has noticed", async () =>
    (await pair.epochs()).every((epoch, index) => epoch !== before[index]),
  );
  await load.sendAgain([{ fromMs: 0, toMs: Date.now() }]);
  await untilDrained(pair);
  const { missing, wrong } = await compareStored(pair.databaseUrl, load, demoAccountIds);
  expect({ missing, wrong, faults: load.faults }).toEqual({ missing: [], wrong: [], faults: [] });
  expect((await readFigures(pair.driver, load)).flatMap(differencesOf)).toEqual([]);
});

test("the same where new events are accepted before the aggregator looks", async () => {
  const { pair, load } = await commitPastReplica("raced_tail");
  pair.freezeAggregator();
  await pair.failOver();
  const later = pair.pushLoad("g");
  await until("new events are accepted", () => later.count() > 1_000);
  await later.stop();
  pair.wakeAggregator();
  await untilDrained(pair);
  const shown = await Promise.all(demoAccountIds.map((id) => pair.driver.metric(id, "api_requests")));
  const sums = demoAccountIds.map((accountId) =>
    [load, later]
      .flatMap((each) => Array.from({ length: each.count() }, (_, number) => each.eventOf(number)))
      .filter((event) => event.accountId === accountId)
      .reduce((sum, { quantity }) => sum + quantity, 0),
  );
  expect(shown.map(({ used }) => used)).toEqual(sums);
});
