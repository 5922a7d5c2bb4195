import { randomBytes, randomUUID } from "node:crypto";
import { applyStripeEvent, syncStripeObject } from "@driftlock/contracts";
import { createDb } from "@driftlock/db";
import { createRedis, createSharedTokenBuckets, pingRedis } from "@driftlock/redis";
import { type Composed, createErrorLog, createTicker, type ProcessContext } from "@driftlock/runtime";
import { createProducer, createQueueInspector, queuesOf } from "@driftlock/runtime/queue";
import { createStripe } from "@driftlock/stripe";
import { buildApp } from "./app.ts";
import { createAuthenticate } from "./auth/authenticate.ts";
import { createKeyAuthenticator } from "./auth/authenticate-key.ts";
import { createTokenAuthenticator } from "./auth/authenticate-token.ts";
import { type Env, reportKeySecretOf, tokenSettingsOf } from "./env.ts";
import { quotaRoutes } from "./rest/quota.ts";
import { usageExportRoutes } from "./rest/usage-export.ts";
import { reservationRoutes } from "./rest/reservations.ts";
import { usageRoutes } from "./rest/usage.ts";
import { createBacklogWatch } from "./usage/backlog-watch.ts";
import { createUsageUseCases } from "./usage/create-usage-use-cases.ts";
import { createDurability } from "./usage/durability.ts";
import { watchForLoss } from "./usage/loss-watch.ts";
import { createCustomerUseCases } from "./use-cases/create-customer-use-cases.ts";
import { createDemoSession } from "./use-cases/create-demo-session.ts";
import { createOperatorUseCases } from "./use-cases/create-operator-use-cases.ts";
import { createEnsureAccount } from "./use-cases/open-account.ts";
import { readUsagePartitions, verifyInstallation } from "./verify-installation.ts";

const stripeRetries = 1;
/** An expired reservation holds nothing after this. */
const reservationsTickMs = 500;
const reservationSweepMs = 30_000;

/** The gateway: resources, use-cases, entrance. */
export async function compose(env: Env, { life, log, clock, metrics }: ProcessContext): Promise<Composed> {
  const mode = env.DRIFTLOCK_MODE;
  const isSimulator = mode === "simulator";
  const onConnectionError = (resource: string) =>
    createErrorLog({ log, level: "warn", event: `${resource}.connection-lost` });

  const db = life.own(
    "postgres",
    createDb({
      connectionString: env.DATABASE_URL,
      applicationName: "driftlock-api",
      onConnectionError: onConnectionError("postgres"),
    }),
    (pool) => pool.end(),
  );
  const redis = life.own(
    "redis",
    createRedis({
      url: env.REDIS_URL,
      connectionName: "driftlock-api",
      purpose: "requests",
      onConnectionError: onConnectionError("redis"),
    }),
    (connection) => connection.disconnect(),
  );
  const producer = life.own("producer", createProducer({ connection: redis, log }), (queues) =>
    queues.close(),
  );
  const inspector = life.own(
    "queue inspector",
    createQueueInspector({ connection: redis, queues: queuesOf([applyStripeEvent, syncStripeObject]), log }),
    (queues) => queues.close(),
  );
  const stripe = createStripe({
    secretKey: env.STRIPE_SECRET_KEY.reveal(),
    apiUrl: env.STRIPE_API_URL,
    log,
    maxNetworkRetries: stripeRetries,
    shareBuckets: (size) => createSharedTokenBuckets({ redis, ...size }),
  });
  const wallNow = () => new Date();
  const wallNowMs = () => Date.now();

  const keys = createKeyAuthenticator({ db, mode, wallNow: wallNowMs });
  const settings = tokenSettingsOf(env);
  const ensureAccount = createEnsureAccount({ db, clock });
  const tokens = settings && createTokenAuthenticator({ settings, ensureAccount, wallNow: wallNowMs });
  const returnOrigins =
    env.ALLOWED_RETURN_ORIGINS.length > 0 ? env.ALLOWED_RETURN_ORIGINS : [new URL(env.PUBLIC_URL).origin];

  const partitions = await readUsagePartitions(db);
  const backlog = life.own(
    "usage backlog",
    createBacklogWatch({ redis, partitions, bytesMax: env.USAGE_BACKLOG_BYTES_MAX, metrics, log }),
    (watch) => watch.close(),
  );
  life.own("usage loss", watchForLoss({ db, redis, log }), (watch) => watch.close());
  const durability = life.own(
    "usage durability",
    createDurability({
      level: env.USAGE_DURABILITY,
      redisUrl: env.REDIS_URL,
      monotonicNow: () => performance.now(),
      onConnectionError: onConnectionError("redis"),
    }),
    (opened) => opened.close(),
  );
  const usage = createUsageUseCases({
    db,
    redis,
    clock,
    wallNow: wallNowMs,
    partitions,
    accessPolicy: env.ACCESS_POLICY,
    backlog,
    durability,
  });
  const customer = createCustomerUseCases({
    usage,
    db,
    redis,
    partitions,
    stripe,
    producer,
    clock,
    wallNow,
    log,
    isSimulator,
    accessPolicy: env.ACCESS_POLICY,
    publicUrl: env.PUBLIC_URL,
    returnOrigins,
    makeId: randomUUID,
    randomBytes,
  });
  const operator = createOperatorUseCases({
    usage,
    db,
    redis,
    partitions,
    producer,
    stripe,
    clock,
    wallNow,
    inspector,
    accessPolicy: env.ACCESS_POLICY,
    keyMode: mode === "live" ? "live" : "test",
    reportKeySecret: reportKeySecretOf(env),
    onRevoked: keys.forget,
    randomBytes,
  });

  const app = life.own(
    "http",
    await buildApp({
      log,
      metrics,
      authenticate: createAuthenticate({ keys, tokens }),
      customer,
      operator,
      createDemoSession: isSimulator ? createDemoSession({ redis }) : null,
      usagePlugins: [
        usageRoutes({ ...usage, clock }),
        usageExportRoutes(usage),
        quotaRoutes(usage),
        reservationRoutes(usage),
      ],
      redis,
      appConfig: {
        mode,
        stripePublishableKey: env.STRIPE_PUBLISHABLE_KEY ?? null,
        stripeJsUrl: env.STRIPE_JS_URL,
        signInUrl: env.AUTH_SIGN_IN_URL ?? null,
      },
      publicUrl: env.PUBLIC_URL,
      allowedHosts: env.ALLOWED_HOSTS,
      requestsPerSecond: env.RATE_LIMIT_PER_SECOND,
      requestTimeoutMs: env.REQUEST_TIMEOUT_MS,
      webDistDir: env.WEB_DIST_DIR ?? null,
    }),
    (server) => server.close(),
  );
  const tick = (name: string, intervalMs: number, run: () => Promise<void>) => {
    const ticker = life.own(`ticker ${name}`, createTicker({ name, intervalMs, run, log }), (each) =>
      each.close(),
    );
    clock.onMoved(ticker.nudge);
  };

  return {
    checks: {
      postgres: () => db.ping(),
      redis: () => pingRedis(redis),
    },
    start: async () => {
      const { keep, sweep } = usage.reservationKeeper;
      tick("reservations", reservationsTickMs, keep);
      tick("reservation sweep", reservationSweepMs, sweep);
      await verifyInstallation({ db, stripe, secretKey: env.STRIPE_SECRET_KEY.reveal(), mode, log });
      await durability.start();
      const url = await app.listen({ host: env.BIND_HOST, port: env.API_PORT });
      log.info({ url }, "gateway.listening");
      return url;
    },
  };
}
