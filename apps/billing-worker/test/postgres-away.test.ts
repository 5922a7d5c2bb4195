import { createHmac } from "node:crypto";
import { applyStripeEvent } from "@driftlock/contracts";
import { createDb, migrate, sql } from "@driftlock/db";
import { createTestRedis, startPrivatePostgres, startTestApp } from "@driftlock/devkit";
import { createRedis } from "@driftlock/redis";
import { createMetrics, Lifecycle } from "@driftlock/runtime";
import { createConsumer, createProducer, createQueueInspector } from "@driftlock/runtime/queue";
import { createStripe } from "@driftlock/stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyStripeEventProcessor } from "../src/jobs/apply-stripe-event.ts";
import { log } from "./world.ts";

const secret = "whsec_away";
const life = new Lifecycle();
let away: Awaited<ReturnType<typeof openAway>>;
beforeAll(async () => {
  away = await openAway();
});
afterAll(() => life.close());

/** A Postgres that can be killed, the ingester as a process beside it, and the job that records events. */
async function openAway() {
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
  const work = () =>
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
  return { postgres, db, inspector, work, post };
}

test("while Postgres is dead every event is taken; when it is back each is recorded, and none has spent an attempt", async () => {
  const { postgres, db, inspector, work, post } = away;
  const recorded = async () =>
    (await db.row<{ n: number }>("test", sql`select count(*) as n from stripe_events`))?.n;
  const queue = async () => (await inspector.counts())[0];
  const send = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, at) => post(from + at)));
  const worker = work();

  const answers = await send(0, 50);
  await expect.poll(recorded, { timeout: 10_000 }).toBe(50);
  await postgres.kill();
  answers.push(...(await send(50, 250)));
  // The worker holds as many as it takes at a time, the rest waits in Redis.
  await expect.poll(queue).toMatchObject({ active: 20, waiting: 180, delayed: 0, failed: 0 });
  // One that stops meanwhile puts them back.
  await worker.close(1);
  expect(await queue()).toMatchObject({ active: 0, waiting: 200, delayed: 0, failed: 0 });
  work();
  await expect.poll(queue).toMatchObject({ active: 20, waiting: 180 });
  await postgres.start();
  answers.push(...(await send(250, 300)));

  expect(new Set(answers)).toEqual(new Set([200]));
  await expect.poll(recorded, { timeout: 20_000 }).toBe(300);
  await expect.poll(queue).toMatchObject({ active: 0, waiting: 0, delayed: 0, failed: 0 });
  const objects = await db.rows("test", sql`select object_id from stripe_objects where generation > 1`);
  expect(objects).toHaveLength(7);
});
