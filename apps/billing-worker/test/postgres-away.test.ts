import { createHmac } from "node:crypto";
import { applyStripeEvent } from "@driftlock/contracts";
import { createDb, migrate, sql } from "@driftlock/db";
import { createTestRedis, startPrivatePostgres, startTestApp } from "@driftlock/devkit";
import { createRedis } from "@driftlock/redis";
import {
  createConsumer,
  createMetrics,
  createProducer,
  createQueueInspector,
  Lifecycle,
} from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { expect, onTestFinished, test } from "vitest";
import { applyStripeEventProcessor } from "../src/jobs/apply-stripe-event.ts";
import { log } from "./world.ts";

const secret = "whsec_away";

/** A Postgres that can be killed, the ingester as a process beside it, and the job that records events. */
async function openAway() {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const postgres = life.own("postgres", await startPrivatePostgres(), (server) => server.close());
  await migrate(postgres.url);
  const { url: redisUrl } = life.own("redis database", await createTestRedis(), ({ drop }) => drop());
  const openRedis = (purpose: "requests" | "queues") =>
    life.own(
      purpose,
      createRedis({ url: redisUrl, connectionName: "test", purpose, onConnectionError: () => {} }),
      (connection) => connection.disconnect(),
    );
  const redis = openRedis("requests");
  const db = life.own("db", createDb({ connectionString: postgres.url, applicationName: "test" }), (pool) =>
    pool.end(),
  );
  const producer = life.own("producer", createProducer({ connection: redis, log }), (open) => open.close());
  const queue = applyStripeEvent.queue;
  const inspector = life.own(
    "inspector",
    createQueueInspector({ connection: redis, queues: [queue, "billing"], log }),
    (open) => open.close(),
  );
  const stripe = createStripe({ secretKey: "sk_test_away", maxNetworkRetries: 0 });
  const wallClock = { now: () => new Date() };
  const deps = { db, producer, stripe, wallClock, log, isLive: false };
  life.own(
    "consumer",
    createConsumer({
      ...{ connection: openRedis("queues"), queue, concurrency: 20, log, metrics: createMetrics("test") },
      processors: [applyStripeEventProcessor(deps)],
    }),
    (consumer) => consumer.close(),
  );
  const ingester = await startTestApp("webhook-ingester", {
    ...{ REDIS_URL: redisUrl, STRIPE_WEBHOOK_SECRETS: secret, DRIFTLOCK_MODE: "test" },
    ...{ WEBHOOK_PORT: "0", WEBHOOK_OPS_PORT: "0" },
  });
  life.own("ingester", ingester, async ({ kill, exited }) => {
    kill("SIGTERM");
    await exited;
  });
  const post = async (n: number): Promise<number> => {
    const object = { id: `sub_${n % 7}`, object: "subscription", customer: `cus_${n % 7}` };
    const event = { id: `evt_${n}`, object: "event", type: "customer.subscription.updated" };
    const body = JSON.stringify({ ...event, api_version: null, livemode: false, data: { object } });
    const t = Math.floor(Date.now() / 1_000);
    const signature = `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`;
    const headers = { "content-type": "application/json", "stripe-signature": signature };
    return (await fetch(ingester.url, { method: "POST", body, headers })).status;
  };
  return { postgres, db, inspector, post };
}

test("while Postgres is dead every event is taken; when it is back each is recorded, and none has spent an attempt", async () => {
  const { postgres, db, inspector, post } = await openAway();
  const recorded = async () =>
    (await db.row<{ n: number }>("test", sql`select count(*) as n from stripe_events`))?.n;
  const send = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, at) => post(from + at)));

  const before = await send(0, 50);
  await expect.poll(recorded, { timeout: 10_000 }).toBe(50);
  await postgres.kill();
  const meanwhile = await send(50, 250);
  // The worker has met the dead server: it holds as many as it takes at a time, the rest waits in Redis.
  await expect
    .poll(async () => (await inspector.counts())[0])
    .toMatchObject({ active: 20, waiting: 180, delayed: 0, failed: 0 });
  await postgres.start();
  const after = await send(250, 300);

  expect(new Set([...before, ...meanwhile, ...after])).toEqual(new Set([200]));
  await expect.poll(recorded, { timeout: 20_000 }).toBe(300);
  await expect.poll(async () => (await inspector.counts())[0]).toMatchObject({ active: 0, failed: 0 });
  const objects = await db.rows("test", sql`select object_id from stripe_objects where generation > 1`);
  expect(objects).toHaveLength(7);
});
