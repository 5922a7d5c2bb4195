import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { UsageApp, UsageParts } from "@driftlock/devkit";
import type { Redis } from "ioredis";
import type { Client } from "pg";
import { checkRow } from "./check-row.ts";
import * as database from "./database.ts";
import type { LoadOrder } from "./generator/run-load.ts";
import { startGenerator } from "./generator/start-generator.ts";
import { measureCopy } from "./measure/copy-baseline.ts";
import { probeVisibility } from "./measure/probe-visibility.ts";
import { readUsedMemory, watchBacklog } from "./measure/watch-backlog.ts";
import { watchProcesses } from "./measure/watch-processes.ts";
import { type Measured, type RowResult, summarize } from "./row-result.ts";
import type { RowPlan } from "./rows.ts";
import { type RunningApp, startApps } from "./start-apps.ts";

export interface RowOptions {
  parts: UsageParts;
  redis: Redis;
  timing: LoadOrder["timing"];
  /** Whether the bare COPY is measured after it. */
  withCopy: boolean;
  /** Where CPU profiles of the gateway and the aggregators go. */
  profileFolder: string | null;
  say: (text: string) => void;
}

const DRAIN_MS_MAX = 300_000;
const FILTERS_MS_MAX = 900_000;
const DRAIN_POLL_MS = 50;
const LOG_LINES = 3;

/** Runs one row on a database, gateway and aggregators of its own. A wrong figure is told by the result, never thrown. */
export async function runRow(plan: RowPlan, options: RowOptions): Promise<RowResult> {
  const { parts, redis, say } = options;
  const name = `bench_${plan.name.replaceAll("-", "_")}`;
  const databaseUrl = await parts.createDatabase(name);
  const sql = await database.connectTo(databaseUrl);
  try {
    await database.createAccounts(sql, plan.load.accounts);
    if (plan.storedRows > 0) {
      say(`${plan.name}: laying ${plan.storedRows.toLocaleString("en")} records into the table`);
      await database.fillRecords(sql, plan.storedRows, plan.load.accounts);
    }
    await redis.flushall();
    await redis.config("SET", "appendfsync", "everysec"); // a gateway of level `fsync` may have changed it
    const measured = await measure(plan, { ...options, sql, databaseUrl });
    const stored = await database.readStored(sql, new Date(Date.now() - 3_600_000));
    const faults = checkRow(plan, measured, stored);
    if (faults.length > 0)
      say(`${plan.name} has wrong figures; the gateway's log ends with\n${measured.gatewayLog}`);
    const copyRowsPerSecond =
      options.withCopy && plan.load.route === "usage" && faults.length === 0
        ? await measureCopy(sql, measured.report.whole.distinct, plan.load.accounts)
        : null;
    return summarize(plan, { measured, stored: stored.records.events, faults, copyRowsPerSecond });
  } finally {
    await sql.end();
    await parts.dropDatabase(name);
  }
}

async function measure(
  plan: RowPlan,
  options: RowOptions & { sql: Client; databaseUrl: string },
): Promise<Measured> {
  const { redis, sql } = options;
  const apps = await startApps(plan, options);
  const died = Promise.race(
    apps.map(async ({ app, name }): Promise<never> => {
      const how = await app.exited;
      throw new Error(`${name} stopped during the row (${how})\n${tailOfLog(app)}`);
    }),
  );
  died.catch(() => {});
  const orDied: OrDied = (waiting) => Promise.race([waiting, died]);
  try {
    const bytesBefore = await readUsedMemory(redis);
    if (plan.storedRows > 0) await orDied(waitForFilters(sql));
    const gateway = apps.find(({ name }) => name === "api")?.app;
    if (gateway === undefined) throw new Error("there is no gateway");
    const run = await drive(plan, options, { gateway, apps, orDied });
    const redisBytes = (await readUsedMemory(redis)) - bytesBefore;
    return { ...run, redisBytes, gatewayLog: tailOfLog(gateway) };
  } finally {
    await Promise.all(apps.map(({ app }) => app.stop()));
  }
}

/** Waits, unless one of our processes ends first: then it rejects. */
type OrDied = <T>(waiting: Promise<T>) => Promise<T>;

interface RunningApps {
  gateway: UsageApp;
  apps: readonly RunningApp[];
  orDied: OrDied;
}

/** Sends the load, watches, and waits until all that was accepted is in Postgres. */
async function drive(
  { load, halfOf, areAggregatorsStopped }: RowPlan,
  { parts, redis, sql, timing }: RowOptions & { sql: Client },
  { gateway, apps, orDied }: RunningApps,
) {
  const { hostname: host, port } = new URL(gateway.url);
  const { serviceKey } = parts;
  await using ends = new AsyncDisposableStack();
  const generator = startGenerator({ load, target: { host, port: Number(port), serviceKey }, timing });
  ends.defer(() => generator.stop());
  const partitions = await database.readPartitions(sql);
  await orDied(generator.measuring);
  const processes = watchProcesses(pidsOf(parts, apps, generator.pid));
  ends.defer(() => void processes.stop());
  const backlog = watchBacklog(redis, partitions);
  ends.defer(() => backlog.stop());
  const aggregators = areAggregatorsStopped ? apps.filter(({ name }) => name === "usage-aggregator") : [];
  const signal = (name: NodeJS.Signals) => aggregators.forEach(({ app }) => process.kill(app.pid, name));
  signal("SIGSTOP");
  ends.defer(() => signal("SIGCONT"));
  const account = { accountId: database.probeAccountId, url: gateway.url, serviceKey, sql };
  const probe = halfOf === null ? null : probeVisibility(account);
  await orDied(generator.ended);
  const endedAtMs = performance.now();
  await backlog.stop();
  signal("SIGCONT");
  const visibility = probe === null ? null : await orDied(probe.stop());
  const report = await orDied(generator.report);
  const isDrained = await orDied(waitForDrain(sql, report.whole.distinct + (visibility?.probes ?? 0)));
  return {
    ...{ report, visibility, isDrained },
    backlog: await backlog.inEvents(report.whole.accepted),
    drainMs: performance.now() - endedAtMs,
    processes: processes.stop(),
  };
}

const tailOfLog = ({ logFile }: UsageApp): string =>
  readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-LOG_LINES).join("\n");

async function waitForFilters(sql: Client): Promise<void> {
  const startedAtMs = performance.now();
  while (!(await database.hasFilters(sql))) {
    if (performance.now() - startedAtMs > FILTERS_MS_MAX)
      throw new Error("the filters of known ids do not get ready");
    await delay(DRAIN_POLL_MS);
  }
}

async function waitForDrain(sql: Client, events: number): Promise<boolean> {
  const startedAtMs = performance.now();
  while ((await database.countStored(sql)) < events) {
    if (performance.now() - startedAtMs > DRAIN_MS_MAX) return false;
    await delay(DRAIN_POLL_MS);
  }
  return true;
}

const pidsOf = (
  parts: UsageParts,
  apps: RunningApps["apps"],
  generatorPid: number,
): Record<string, number[]> => {
  const pidsNamed = (wanted: string) => apps.filter(({ name }) => name === wanted).map(({ app }) => app.pid);
  const { postgres, redis, simulator } = parts.pids;
  return {
    api: pidsNamed("api"),
    aggregator: pidsNamed("usage-aggregator"),
    ...(redis === null ? {} : { redis: [redis] }),
    ...(postgres === null ? {} : { postgres: [postgres] }),
    generator: [generatorPid],
    simulator: [simulator],
  };
};
