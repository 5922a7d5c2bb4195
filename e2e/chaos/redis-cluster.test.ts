import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  createDriver,
  freeSystemPorts,
  makeCluster,
  startRedisServers,
  startSystem,
} from "@driftlock/devkit";
import { expect, onTestFinished, test } from "vitest";
import { compareStored, differencesOf, readFigures, untilDrained } from "./figures.ts";
import { openLoadAccounts, startPushLoad } from "./push-load.ts";
import { createRandom } from "@driftlock/runtime";
import { startSibling } from "./sibling.ts";
import { untilReported } from "./until-reported.ts";

/** Of a partition of usage, and of the queues. */
const usageKey = "{dlu:0}:stream";
const queueKey = "{dl}";
const outageMs = 3_000;
/** What Redis may not have written to its file yet when it is killed: a write waits for a slow sync before it. */
const unwrittenMs = 3_500;
const loadMs = 2_000;

test("on a Redis Cluster, two of each process: slots are moved and a master dies under load, and usage is exact", {
  timeout: 240_000,
}, async () => {
  const home = await mkdtemp(join(tmpdir(), "driftlock-cluster-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const { servers, close } = await startRedisServers({
    folder: home,
    count: 3,
    settings: { "cluster-enabled": "yes", "cluster-node-timeout": "1500" },
  });
  onTestFinished(close);
  const cluster = await makeCluster(servers);
  onTestFinished(cluster.close);
  const env = { ...(await freeSystemPorts()), REDIS_URL: cluster.url, DRIFTLOCK_RESTART_MS_MAX: "200" };
  const running = await startSystem({ home, env, readyWithinMs: 120_000 });
  onTestFinished(async () => void (await running.stop()));
  const { dev } = running;
  const { API_PORT: port = "" } = await freeSystemPorts();
  const secondUrl = `http://127.0.0.1:${port}`;
  const siblings = [
    startSibling({ app: "api", dev, env: { API_PORT: port, PUBLIC_URL: secondUrl } }),
    startSibling({ app: "usage-aggregator", dev }),
    startSibling({ app: "billing-worker", dev }),
  ];
  onTestFinished(async () => void (await Promise.all(siblings.map(({ stop }) => stop()))));

  const driver = createDriver(dev);
  const { billed, accountIds, eventOf } = await openLoadAccounts(driver, "cluster");
  const urls = [dev.apiUrl, secondUrl];
  const random = createRandom(1);
  const load = startPushLoad({
    urls,
    serviceKey: dev.serviceKey,
    prefix: "c",
    producers: 3,
    random,
    eventOf,
  });
  for (const key of [usageKey, queueKey]) {
    await pause(loadMs);
    await cluster.moveSlotOf(key, ((await cluster.ownerOf(key)) + 1) % servers.length);
  }
  await driver.subscribe(await driver.openAccount("after-the-move"), "pro");
  await pause(loadMs);
  const victim = servers[await cluster.ownerOf(usageKey)];
  const fromMs = Date.now() - unwrittenMs;
  await victim?.kill();
  await pause(outageMs);
  await victim?.start();
  await pause(loadMs);
  await load.stop();

  await untilDrained(dev);
  const atRisk = [{ fromMs, toMs: Date.now() }];
  const before = await compareStored(dev.databaseUrl, load, accountIds);
  const risked = new Set(load.acknowledgedWithin(atRisk));
  process.stdout.write(
    `cluster | of ${risked.size} events acknowledged around a master's death, ${before.missing.length} were lost\n`,
  );
  expect(before.missing.filter((number) => !risked.has(number))).toEqual([]);
  await load.sendAgain(atRisk);
  await untilDrained(dev);
  const stored = await compareStored(dev.databaseUrl, load, accountIds);
  expect(load.faults).toEqual([]);
  expect({ missing: stored.missing, wrong: stored.wrong.slice(0, 20) }).toEqual({ missing: [], wrong: [] });
  expect((await readFigures(driver, load)).flatMap(differencesOf)).toEqual([]);
  expect(await untilReported(driver, billed, stored.ofMetric(billed, "events"))).toEqual([]);
  await driver.subscribe(await driver.openAccount("after-the-death"), "pro");
  expect(load.retries()).toBeGreaterThan(0);
  expect(stored.events).toBeGreaterThan(5_000);
});
