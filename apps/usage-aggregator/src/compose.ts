import { randomUUID } from "node:crypto";
import { createDb, usageStreamPositions } from "@driftlock/db";
import { createRedis, createSharedTokenBuckets, findRedisWarnings, pingRedis } from "@driftlock/redis";
import {
  type Composed,
  createErrorLog,
  createProgressTicker,
  createTicker,
  type ProcessContext,
} from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { type Env, flushIntervalOf, meterEventsPerSecondOf, reportIntervalOf } from "./env.ts";
import { createBatchRoom } from "./flush/batch-room.ts";
import { createMetricDirectory } from "./flush/metric-directory.ts";
import { startPartitionWriter } from "./flush/partition-writer.ts";
import { createKnownIds } from "./known-ids/known-ids.ts";
import { startGenerationTicks } from "./known-ids/start-generation-ticks.ts";
import { createMeasures } from "./measures.ts";
import { createPartitionKeeper, type PartitionKeeper } from "./partitions/partition-keeper.ts";
import { createProgressFinder } from "./progress-finder.ts";
import { compareStaleReports } from "./reports/compare-stale-reports.ts";
import { confirmReports } from "./reports/confirm-reports.ts";
import { freezeWindows } from "./reports/freeze-windows.ts";
import { resendReleased } from "./reports/resend-released.ts";
import { createSendReports } from "./reports/send-reports.ts";
import { createStripeMeterSink } from "./reports/usage-sink.ts";
import { verifyInstallation } from "./verify-installation.ts";

const sendIntervalMs = 500;
/** Of 3.3 MB of rows each: two that commit, and one made ready meanwhile. */
const batchesInMemory = 3;

/** The aggregator: resources, then its loops: partitions to Postgres, windows to Stripe, progress to the clock. */
export async function compose(env: Env, { life, log, clock, metrics }: ProcessContext): Promise<Composed> {
  const onConnectionError = (resource: string) =>
    createErrorLog({ log, level: "warn", event: `${resource}.connection-lost` });
  const db = life.own(
    "postgres",
    createDb({
      connectionString: env.DATABASE_URL,
      applicationName: "driftlock-usage-aggregator",
      onConnectionError: onConnectionError("postgres"),
    }),
    (pool) => pool.end(),
  );
  const redis = life.own(
    "redis",
    createRedis({
      url: env.REDIS_URL,
      connectionName: "driftlock-usage-aggregator",
      purpose: "requests",
      onConnectionError: onConnectionError("redis"),
    }),
    (connection) => connection.disconnect(),
  );
  const secretKey = env.STRIPE_SECRET_KEY.reveal();
  const stripe = createStripe({
    secretKey,
    apiUrl: env.STRIPE_API_URL,
    log,
    maxNetworkRetries: 0,
    rateLimitTriesMax: 1,
  });
  const partitions = await verifyInstallation({ db, stripe, secretKey, mode: env.DRIFTLOCK_MODE, log });

  let keeper: PartitionKeeper | null = null;
  const ownedPartitions = () => keeper?.owned().length ?? 0;
  const measures = createMeasures({ metrics, db, redis, clock, partitions, ownedPartitions });
  const callsPerSecond = meterEventsPerSecondOf(env);
  const calls = createSharedTokenBuckets({
    redis,
    ratePerSecond: callsPerSecond,
    burst: Math.ceil(callsPerSecond / 10),
  });
  const reporting = {
    db,
    clock,
    sink: createStripeMeterSink(stripe),
    log,
    measures,
    calls,
    callsPerSecond,
  };
  const knownIds = createKnownIds({
    db,
    log,
    clock,
    partitions,
    ownedPartitions: () => keeper?.owned().map(({ partition }) => partition) ?? [],
    filterBytesMax: env.USAGE_ID_FILTER_MIB * 2 ** 20,
  });
  const writing = {
    db,
    redis,
    clock,
    metrics: createMetricDirectory(db),
    knownIds,
    measures,
    log,
    room: createBatchRoom(batchesInMemory),
    flushIntervalMs: flushIntervalOf(env),
  };
  const tick = (name: string, intervalMs: number, run: (signal: AbortSignal) => Promise<unknown>) =>
    life.own(name, createTicker({ name, intervalMs, run, log }), (ticker) => ticker.close());

  return {
    checks: {
      postgres: () => db.ping(),
      redis: () => pingRedis(redis),
      partitions: async () => keeper?.check(),
    },
    start: async () => {
      for (const warning of await findRedisWarnings(redis)) log.warn(warning);
      await usageStreamPositions.insertPositionsIfMissing(db, partitions);
      tick("freeze windows", reportIntervalOf(env), () => freezeWindows({ db, clock }));
      tick("send reports", sendIntervalMs, createSendReports(reporting));
      tick("compare stale reports", reportIntervalOf(env), (signal) =>
        compareStaleReports(reporting, signal),
      );
      tick("confirm reports", reportIntervalOf(env), (signal) => confirmReports(reporting, signal));
      tick("resend released reports", reportIntervalOf(env), () => resendReleased(reporting));
      if (env.BUSINESS_CLOCK_URL !== undefined) {
        const look = createProgressFinder({ db, redis, clock, partitions });
        life.own("progress", createProgressTicker({ clock, look, log }), (ticker) => ticker.close());
      }
      startGenerationTicks(tick, env, { db, redis, clock, log, partitions, knownIds });
      keeper = life.own(
        "partitions",
        createPartitionKeeper({
          db,
          log,
          aggregator: randomUUID(),
          partitions,
          startWriter: (lease) => startPartitionWriter(writing, lease),
        }),
        (each) => each.close(),
      );
    },
  };
}
