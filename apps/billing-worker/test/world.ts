import { applyStripeEvent, type StripeHint, sweepStripeEvents } from "@driftlock/contracts";
import { accounts, createDb, type Db, seedCatalog, stripeObjects, type Sql } from "@driftlock/db";
import { openTestStores } from "@driftlock/devkit";
import { initialFreePeriods } from "@driftlock/domain";
import { createRedis } from "@driftlock/redis";
import { createLogger, createMetrics, followedClock, Lifecycle, readEnv } from "@driftlock/runtime";
import { createProducer, createQueueInspector } from "@driftlock/runtime/queue";
import { createStripe, readWebhook, type Stripe, stripeHintOf } from "@driftlock/stripe";
import { expect, onTestFinished } from "vitest";
import { bindStripeAccount } from "../src/catalog/bind-stripe-account.ts";
import { push } from "../src/catalog/plan-push.ts";
import { compose } from "../src/compose.ts";
import { Env } from "../src/env.ts";
import { createSyncObject } from "../src/sync/sync-object.ts";
import { openSimulator } from "./open-simulator.ts";

export const log = createLogger({ name: "test", level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const secretKey = "sk_test_world";
const mode = "simulator" as const;

/** A Stripe with our catalogue in it, and what our side is made of; everything ends with the test. */
export async function openWorld() {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const simulator = await openSimulator(life);
  const stripe = createStripe({
    secretKey,
    apiUrl: simulator.url,
    maxNetworkRetries: 2,
    readsPerSecond: 1_000,
  });
  const side = await openSide(life, { stripe, simulatorUrl: simulator.url });
  return { life, simulator, stripe, ...side, ...customerActions(stripe, simulator.url) };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** One installation of ours beside a Stripe: its own Postgres and Redis. */
async function openSide(life: Lifecycle, { stripe, simulatorUrl }: { stripe: Stripe; simulatorUrl: string }) {
  const { db, redis, databaseUrl, redisUrl } = await openTestStores({
    life,
    openDb: (url) => createDb({ connectionString: url, applicationName: "test", connectionsMax: 10 }),
    openRedis: (url) =>
      createRedis({ url, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
  });
  const clock = await followedClock({
    url: `${simulatorUrl}/_sim/clock`,
    name: "test",
    log,
    signal: life.signal,
  });
  const wallClock = { now: () => new Date() };
  await seedCatalog(db, { mode, usagePartitions: 4, now: clock.now() });
  await bindStripeAccount({ db, stripe, secretKey, mode });
  await push({ db, stripe, clock });
  const producer = life.own("producer", createProducer({ connection: redis, log }), (queues) =>
    queues.close(),
  );
  const queues = ["stripe-events", "billing"];
  const inspector = life.own("inspector", createQueueInspector({ connection: redis, queues, log }), (open) =>
    open.close(),
  );
  const syncDeps = {
    db,
    stripe,
    producer,
    clock,
    wallClock,
    pushLimits: async () => {},
    dunningMode: "worker" as const,
    holder: "test",
  };
  const context = { log, signal: life.signal };
  const syncObject = createSyncObject(syncDeps);
  return {
    db,
    redis,
    clock,
    wallClock,
    databaseUrl,
    producer,
    inspector,
    context,
    syncDeps,
    sync: (objectId: string) => syncObject(objectId, context),
    mark: (objectId: string, objectType: string, stripeCustomerId: string | null = null) =>
      stripeObjects.markDirty(db, { objectId, objectType, stripeCustomerId, now: wallClock.now() }),
    sweep: () => producer.add(sweepStripeEvents, {}),
    openAccount: (accountId: string) => openAccount(db, { accountId, now: clock.now() }),
    deliver: (hints: readonly StripeHint[]) =>
      Promise.all(hints.map((hint) => producer.add(applyStripeEvent, hint))),
    /** Nothing waits, runs or is dirty any more. */
    settle: () =>
      expect
        .poll(async () => [await inspector.pendingCount(), await stripeObjects.countDirtyStripeObjects(db)], {
          timeout: 30_000,
          interval: 50,
        })
        .toEqual([0, 0]),
    /** The whole worker process, as `npm start` runs it. */
    startWorker: async (overrides: Record<string, string> = {}) => {
      const { env, faults } = readEnv(Env, {
        DRIFTLOCK_MODE: mode,
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        STRIPE_SECRET_KEY: secretKey,
        STRIPE_API_URL: simulatorUrl,
        STRIPE_READS_PER_SECOND: "1000",
        ...overrides,
      });
      if (env === undefined) throw new Error(JSON.stringify(faults));
      const worker = new Lifecycle();
      life.own("worker", worker, (running) => running.close());
      const composed = await compose(env, { life: worker, log, clock, metrics: createMetrics("test") });
      await composed.start();
      return worker;
    },
    rows: <Row>(query: Sql) => db.rows<Row>("test", query),
  };
}

async function openAccount(db: Db, { accountId, now }: { accountId: string; now: Date }): Promise<void> {
  const periods = initialFreePeriods(now);
  await accounts.insertAccount(db, { accountId, name: null, email: null, now, freePlanVersion: 1, periods });
}

/** What a customer does in Stripe: through the gateway's calls, Checkout, and time. */
function customerActions(stripe: Stripe, simulatorUrl: string) {
  const post = async (path: string, body: object) => {
    const response = await fetch(`${simulatorUrl}${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json() as Promise<Record<string, string>>;
  };
  const lineItems = async (planId: string) => {
    const keys = [`driftlock_${planId}_v1`, ...(planId === "pro" ? ["driftlock_pro_v1_events"] : [])];
    const { data } = await stripe.prices.list({ lookup_keys: keys });
    return data.map(({ id, recurring }) => ({
      price: id,
      ...(recurring?.usage_type === "licensed" && { quantity: 1 }),
    }));
  };
  const openCheckout = async (accountId: string, customer: string, planId: string) =>
    stripe.checkout.sessions.create({
      mode: "subscription",
      customer,
      client_reference_id: accountId,
      metadata: { account_id: accountId },
      subscription_data: { metadata: { account_id: accountId } },
      line_items: await lineItems(planId),
      success_url: "http://localhost/ok",
      cancel_url: "http://localhost/no",
    });
  const pay = (sessionId: string, card = "4242424242424242") =>
    post(`/_sim/checkout/${sessionId}/pay`, { card });
  return {
    addFault: (fault: object) => post("/_sim/faults", fault),
    createCustomer: async (accountId: string) =>
      (await stripe.customers.create({ metadata: { account_id: accountId } })).id,
    openCheckout,
    pay,
    /** Buys a plan. @returns the subscription's id. */
    subscribe: async (accountId: string, customer: string, planId = "pro") => {
      const session = await openCheckout(accountId, customer, planId);
      const { subscription } = await pay(session.id);
      if (subscription === undefined) throw new Error("the session has no subscription");
      return subscription;
    },
    /** Every event so far, the oldest first, as the ingester would queue it. */
    history: async () => {
      const hints: StripeHint[] = [];
      for await (const event of stripe.events.list({ limit: 100 }))
        hints.push(stripeHintOf(readWebhook(event)));
      return hints.reverse();
    },
  };
}
