import { createRedis, findRedisWarnings, findWorkerHeartbeat, pingRedis } from "@driftlock/redis";
import { type Composed, createErrorLog, type ProcessContext } from "@driftlock/runtime";
import { createProducer } from "@driftlock/runtime/queue";
import { buildApp } from "./app.ts";
import type { Env } from "./env.ts";

/** Redis alone: the ingester takes deliveries while Postgres is down. */
export function compose(env: Env, { life, log, metrics }: ProcessContext): Composed {
  const redis = life.own(
    "redis",
    createRedis({
      url: env.REDIS_URL,
      connectionName: "webhook-ingester",
      purpose: "requests",
      onConnectionError: createErrorLog({ log, level: "warn", event: "redis.connection-lost" }),
    }),
    (connection) => connection.disconnect(),
  );
  const producer = life.own("producer", createProducer({ connection: redis, log }), (queues) =>
    queues.close(),
  );
  const app = life.own(
    "http",
    buildApp({
      log,
      metrics,
      secrets: env.STRIPE_WEBHOOK_SECRETS,
      producer,
      wallClock: { now: () => new Date() },
      findWorkerHeartbeat: () => findWorkerHeartbeat(redis),
    }),
    (server) => server.close(),
  );
  return {
    checks: { redis: () => pingRedis(redis) },
    start: async () => {
      for (const warning of await findRedisWarnings(redis)) log.warn({ warning }, "redis.misconfigured");
      const url = await app.listen({ host: env.BIND_HOST, port: env.WEBHOOK_PORT });
      log.info({ url: `${url}/webhooks/stripe` }, "ingester.listening");
    },
  };
}
