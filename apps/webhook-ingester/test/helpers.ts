import { createHmac, randomBytes } from "node:crypto";
import { createTestRedis } from "@driftlock/devkit";
import { createRedis } from "@driftlock/redis";
import { createLogger, createMetrics, Lifecycle, Secret } from "@driftlock/runtime";
import { createProducer, createQueueInspector } from "@driftlock/runtime/queue";
import { buildApp } from "../src/app.ts";

const secret = `whsec_${randomBytes(16).toString("hex")}`;
export const olderSecret = `whsec_${randomBytes(16).toString("hex")}`;

export const invoiceEvent = (type = "invoice.paid") => ({
  id: `evt_${randomBytes(8).toString("hex")}`,
  object: "event",
  type,
  api_version: "2026-10-28.endive",
  created: 1_790_000_000,
  livemode: false,
  data: { object: { id: "in_1", object: "invoice", customer: "cus_1" } },
});

/** As Stripe signs: HMAC-SHA256 over `t.body`. */
export function sign(body: string, { key = secret, atMs = Date.now() } = {}): string {
  const t = Math.floor(atMs / 1000);
  return `t=${t},v1=${createHmac("sha256", key).update(`${t}.${body}`).digest("hex")}`;
}

/** The ingester over a Redis; `url` absent, one of the test's own. */
export async function openIngester(url?: string) {
  const life = new Lifecycle();
  const log = createLogger({ name: "test", level: "silent" });
  const redisUrl = url ?? life.own("database", await createTestRedis(), ({ drop }) => drop()).url;
  const redis = life.own(
    "redis",
    createRedis({ url: redisUrl, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
    (connection) => connection.disconnect(),
  );
  const producer = life.own("producer", createProducer({ connection: redis, log }), (queues) =>
    queues.close(),
  );
  const inspector = life.own(
    "inspector",
    createQueueInspector({ connection: redis, queues: ["stripe-events"], log }),
    (queues) => queues.close(),
  );
  const heartbeat: { seenAt: Date | null } = { seenAt: null };
  const metrics = createMetrics("test");
  const app = life.own(
    "http",
    buildApp({
      log,
      metrics,
      secrets: [new Secret(secret), new Secret(olderSecret)],
      producer,
      wallClock: { now: () => new Date() },
      findWorkerHeartbeat: async () => heartbeat.seenAt,
    }),
    (server) => server.close(),
  );
  const post = (body: string, signature: string | undefined, contentType = "application/json") =>
    app.inject({
      method: "POST",
      url: "/webhooks/stripe",
      body,
      headers: {
        "content-type": contentType,
        ...(signature !== undefined && { "stripe-signature": signature }),
      },
    });
  /** Deliveries by the status they were answered with. */
  const deliveries = async () => {
    const found = await metrics.registry.getSingleMetric("driftlock_webhook_deliveries_total")?.get();
    return Object.fromEntries((found?.values ?? []).map(({ labels, value }) => [labels["status"], value]));
  };
  return { life, app, redisUrl, heartbeat, post, deliveries, queued: () => inspector.pendingCount() };
}
