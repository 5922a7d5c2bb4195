import { createRedis, findRedisWarnings, findWorkerHeartbeat } from "@driftlock/redis";
import { type Composed, createProducer, type ProcessContext } from "@driftlock/runtime";
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
      onConnectionError: (err) => log.warn({ err }, "redis.errored"),
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
    checks: { redis: async () => void (await redis.ping()) },
    start: async () => {
      for (const warning of await findRedisWarnings(redis)) log.warn({ warning }, "redis.misconfigured");
      await app.listen({ host: env.BIND_HOST, port: env.WEBHOOK_PORT });
    },
  };
}
