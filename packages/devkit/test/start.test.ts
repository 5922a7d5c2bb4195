// The whole of `npm start`, from the supervisor's own process down.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { identifyProcess } from "../src/infra/process-table.ts";
import type { ProcessRecord } from "../src/infra/stop-processes.ts";
import { freeSystemPorts, startSystem } from "../src/index.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const READY_WITHIN_MS = 120_000;

async function prepare() {
  const home = await makeTemporaryFolder();
  const env = await freeSystemPorts();
  const devFile = join(home, "dev.json");
  const pidFolder = join(home, "simulator/pids");
  return {
    ...{ home, env, devFile },
    readDevFile: () => JSON.parse(readFileSync(devFile, "utf8")) as { webUrl: string },
    async start() {
      const running = await startSystem({ home, env, readyWithinMs: READY_WITHIN_MS });
      onTestFinished(async () => void (await running.stop()));
      return running;
    },
    processes: () =>
      readdirSync(pidFolder).map(
        (file) => JSON.parse(readFileSync(join(pidFolder, file), "utf8")) as ProcessRecord,
      ),
  };
}

const isRunning = (record: ProcessRecord) => identifyProcess(record.pid) === record.identity;

test("a start is one for each home, keeps its promises while it runs, and leaves nothing behind", async () => {
  const { home, env, devFile, readDevFile, start, processes } = await prepare();
  const first = await start();
  expect(statSync(devFile).mode & 0o777).toBe(0o600);
  expect(Object.keys(first.dev).toSorted()).toEqual(
    [
      ...["accounts", "apiUrl", "databaseUrl", "operatorKey", "redisUrl", "serviceKey", "stripeSecretKey"],
      ...["stripeUrl", "testClockId", "webUrl", "webhookSecret", "webhookUrl"],
    ].toSorted(),
  );

  const main = join(import.meta.dirname, "../src/start/main.ts");
  const second = spawnSync(process.execPath, [main], {
    env: { ...process.env, ...env, DRIFTLOCK_HOME: home },
    encoding: "utf8",
  });
  expect([second.status, second.stdout]).toEqual([
    1,
    expect.stringContaining("it is running already from this home"),
  ]);

  const token = new URL(first.dev.webUrl).hash.replace("#token=", "");
  const redis = new Redis(first.dev.redisUrl);
  const key = `demo:login:${createHash("sha256").update(token).digest("hex")}`;
  expect(await redis.getdel(key)).toBe(first.dev.accounts[0]?.userToken);
  redis.disconnect();
  await vi.waitFor(() => expect(readDevFile().webUrl).not.toBe(first.dev.webUrl), 5_000);

  const before = processes();
  expect(before.map(({ name }) => name).toSorted()).toEqual([
    "api",
    "billing-worker",
    "postgres",
    "redis",
    "stripe-simulator",
    "usage-aggregator",
    "webhook-ingester",
  ]);
  expect(await first.stop()).toBe(0);
  expect(before.filter(isRunning)).toEqual([]);
  expect(existsSync(devFile)).toBe(false);

  const { webUrl: _one, ...credentials } = first.dev;
  const { webUrl: _two, ...again } = (await start()).dev;
  expect(again).toEqual(credentials);
}, 200_000);

test("after kill -9 of the supervisor nothing goes on, and the next start works", async () => {
  const { devFile, start, processes } = await prepare();
  const killed = await start();
  const orphans = processes();
  killed.supervisor.kill("SIGKILL");
  await vi.waitFor(() => {
    expect(orphans.filter(isRunning)).toEqual([]);
    expect(existsSync(devFile)).toBe(false);
  }, 40_000);
  await start();
}, 200_000);
