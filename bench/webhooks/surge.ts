import { setTimeout as delay } from "node:timers/promises";
import type { UsageApp, UsageParts } from "@driftlock/devkit";
import type { Redis } from "ioredis";
import type { Client } from "pg";
import { connectTo } from "../database.ts";
import { watchProcesses } from "../measure/watch-processes.ts";
import { startReadCounter } from "./count-reads.ts";
import * as database from "./database.ts";
import type { DeliveryReport } from "./deliver.ts";
import type { DelivererMessage, DelivererTask } from "./deliver-main.ts";
import { answered, faultsOf, makeRow, round, type WebhookRow } from "./row.ts";
import { type Child, startChild } from "./start-child.ts";
import type { StripeSide, SubscriptionState } from "./stripe-side.ts";

export interface SurgeOptions {
  parts: UsageParts;
  redis: Redis;
  stripe: StripeSide;
  /** Subscriptions that the events are about; each belongs to the account of its place. */
  ids: readonly string[];
  connections: number;
  say: (text: string) => void;
}

export interface IngestPlan {
  requestsPerSecond: number;
  warmUpSeconds: number;
  seconds: number;
}

const SECRET = "whsec_bench0123456789";
const POLL_MS = 100;
const DONE_MS_MAX = 300_000;
const QUEUE = "{dl}:stripe-events";

/** Deliveries at a rate to one ingester, no worker running; then one worker records what waits. */
export async function runIngest(options: SurgeOptions, plan: IngestPlan): Promise<WebhookRow[]> {
  const { redis, ids, say } = options;
  const prefix = "ingest";
  const warmUp = plan.requestsPerSecond * plan.warmUpSeconds;
  const events = plan.requestsPerSecond * plan.seconds;
  await using world = await openSurge(options, { name: "bench_ingest", prefix, events: warmUp + events });
  const faults = faultsOf(await world.send(warmUp, plan.requestsPerSecond));
  const ingesting = world.watch();
  const report = await world.send(events, plan.requestsPerSecond);
  const ingestCosts = ingesting.stop();
  faults.push(...faultsOf(report));
  const queued = await redis.llen(`${QUEUE}:wait`);
  if (queued !== warmUp + events) faults.push(`${queued} jobs instead of ${warmUp + events}`);
  const ingest = makeRow({
    name: "ingest",
    what: `${plan.requestsPerSecond.toLocaleString("en")} deliveries/s to one ingester for ${plan.seconds} s`,
    ...{ events, faults, costs: ingestCosts, ...answered(report) },
  });

  say(`a worker records the ${queued.toLocaleString("en")} events that wait`);
  await world.startWorker();
  const applying = world.watch();
  const startedAtMs = performance.now();
  await world.untilNone(world.pending);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const recorded = await world.recorded();
  const apply = makeRow({
    name: "record",
    what: `one worker records them, about ${ids.length} objects`,
    ...{ events: queued, costs: applying.stop(), recordedPerSecond: Math.round(queued / seconds) },
    faults: recorded === queued ? [] : [`${recorded} recorded instead of ${queued}`],
  });
  return [ingest, apply];
}

/** All events as fast as they are taken, a worker running; in their middle what they are about changes at Stripe. */
export async function runBurst(options: SurgeOptions, events: number): Promise<WebhookRow> {
  const { ids, stripe } = options;
  await using world = await openSurge(options, { name: "bench_burst", prefix: "burst", events });
  await world.startWorker();
  const watched = world.watch();
  const startedAtMs = performance.now();
  const [first] = await Promise.all([world.send(events / 2, null), stripe.cancelSome(ids)]);
  const second = await world.send(events / 2, null);
  await world.untilNone(world.pending);
  const recordedSeconds = (performance.now() - startedAtMs) / 1_000;
  await world.untilNone(world.dirty);
  const convergedSeconds = (performance.now() - startedAtMs) / 1_000;
  const costs = watched.stop();
  const faults = [...faultsOf(first), ...faultsOf(second)];
  const [recorded, dirty] = [await world.recorded(), await world.dirty()];
  if (recorded !== events || dirty !== 0)
    faults.push(`${recorded} recorded of ${events}, ${dirty} objects dirty`);
  faults.push(...differences(await stripe.states(), await world.mirror()));
  const { count, perSecondMax } = world.reads();
  if (count < ids.length) faults.push(`${count} fetches for ${ids.length} objects`);
  if (perSecondMax > 25) faults.push(`${perSecondMax} reads in one second, Stripe allows 25`);
  return makeRow({
    name: "burst",
    what: `${events.toLocaleString("en")} deliveries about ${ids.length} objects of one endpoint`,
    ...{ events, faults, costs, fetches: count, fetchesPerSecondMax: perSecondMax },
    acceptedPerSecond: Math.round(events / (first.seconds + second.seconds)),
    p50Ms: second.p50Ms === null ? null : round(second.p50Ms, 1),
    p99Ms: second.p99Ms === null ? null : round(second.p99Ms, 1),
    maxMs: second.maxMs === null ? null : round(second.maxMs, 1),
    recordedPerSecond: Math.round(events / recordedSeconds),
    convergedSeconds: round(convergedSeconds, 1),
  });
}

function differences(stripe: readonly SubscriptionState[], mirror: readonly SubscriptionState[]): string[] {
  const text = (all: readonly SubscriptionState[]) =>
    new Map(all.map((each) => [each.id, [each.status, each.cancelAtPeriodEnd, each.periodEnd].join(" ")]));
  const ours = text(mirror);
  return [...text(stripe)]
    .filter(([id, state]) => ours.get(id) !== state)
    .slice(0, 3)
    .map(([id, state]) => `${id} is "${state}" at Stripe and "${ours.get(id)}" here`);
}

/** A database, an empty Redis, an ingester and a deliverer with its deliveries made; all of it ends with the row. */
async function openSurge(
  { parts, redis, stripe, ids, connections, say }: SurgeOptions,
  { name, prefix, events }: { name: string; prefix: string; events: number },
) {
  const ends = new AsyncDisposableStack();
  const databaseUrl = await parts.createDatabase(name);
  ends.defer(() => parts.dropDatabase(name));
  const sql: Client = await connectTo(databaseUrl);
  ends.defer(() => sql.end());
  await database.prepare(sql, ids.length);
  await redis.flushall();
  const counter = await startReadCounter(parts.stripe.url);
  ends.defer(counter.close);
  const ingester = await parts.startApp("webhook-ingester", {
    databaseUrl,
    env: { STRIPE_WEBHOOK_SECRETS: SECRET },
  });
  ends.defer(ingester.stop);
  const deliverer: Child<DelivererTask, DelivererMessage> = startChild(
    new URL("deliver-main.ts", import.meta.url),
  );
  ends.defer(deliverer.stop);
  say(`${name}: signing ${events.toLocaleString("en")} deliveries`);
  const objects = await stripe.read(ids);
  const deliveries = { secret: SECRET, prefix, count: events, before: objects, after: objects };
  await deliverer.ask({ prepare: { url: ingester.url, connections, deliveries } });
  let worker: UsageApp | null = null;

  return {
    send: (count: number, requestsPerSecond: number | null) =>
      deliverer.ask({ send: count, requestsPerSecond }) as Promise<DeliveryReport>,
    startWorker: async () => {
      worker = await parts.startApp("billing-worker", { databaseUrl, env: { STRIPE_API_URL: counter.url } });
      ends.defer(worker.stop);
    },
    watch: () => {
      const { postgres, redis: redisPid, simulator } = parts.pids;
      return watchProcesses({
        ingester: [ingester.pid],
        ...(worker && { worker: [worker.pid] }),
        ...(redisPid !== null && { redis: [redisPid] }),
        ...(postgres !== null && { postgres: [postgres] }),
        generator: [deliverer.pid],
        simulator: [simulator],
      });
    },
    /** Waits until a count is 0, at most five minutes. */
    untilNone: async (count: () => Promise<number>) => {
      const startedAtMs = performance.now();
      while ((await count()) > 0 && performance.now() - startedAtMs < DONE_MS_MAX) await delay(POLL_MS);
    },
    /** Events that wait in Redis or are being recorded: what costs nothing to ask for. */
    pending: async () =>
      (await redis.llen(`${QUEUE}:wait`)) +
      (await redis.llen(`${QUEUE}:active`)) +
      (await redis.zcard(`${QUEUE}:delayed`)),
    recorded: () => database.countRecorded(sql, prefix),
    dirty: () => database.countDirty(sql),
    mirror: () => database.readMirror(sql),
    reads: counter.counted,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}
