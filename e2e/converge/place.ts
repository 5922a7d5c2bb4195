import { createDb, type Db, seedCatalog } from "@driftlock/db";
import { createRedis, type RedisClient } from "@driftlock/redis";
import type { Lifecycle } from "@driftlock/runtime";
import { createStripe, type Stripe } from "@driftlock/stripe";
import { type Simulator, startSimulator } from "@driftlock/stripe-simulator";
import { bindStripeAccount } from "../../apps/billing-worker/src/catalog/bind-stripe-account.ts";
import { push } from "../../apps/billing-worker/src/catalog/plan-push.ts";
import { prepareQueries } from "./prepare-queries.ts";

const secretKey = "sk_test_converge";
/** Each plans its queries anew, and a batch has two cores or fewer. */
const connectionsMax = 8;

export interface Stores {
  databaseUrl: string;
  redisUrl: string;
}

/** Where a batch of customers lives: a Stripe, and an installation's stores and catalogue beside it. */
export interface Place {
  simulator: Simulator;
  stripe: Stripe;
  db: Db;
  redis: RedisClient;
  time: Times;
}

interface PlaceOptions {
  stores: Stores;
  /** Where Stripe posts to, and where the endpoint's secrets are kept; absent, it posts to nobody. */
  webhooks?: { url: string; secretFile: string };
}

export async function openPlace(life: Lifecycle, { stores, webhooks }: PlaceOptions): Promise<Place> {
  const simulator = life.own(
    "simulator",
    await startSimulator({
      port: 0,
      host: "127.0.0.1",
      statePath: null,
      log: {
        info() {},
        warn() {},
        error: (...given) => void process.stderr.write(`${JSON.stringify(given)}\n`),
      },
      wallNow: () => new Date(),
    }),
    (server) => server.close(),
  );
  const stripe = createStripe({
    secretKey,
    apiUrl: simulator.url,
    maxNetworkRetries: 2,
    readsPerSecond: 1_000_000,
  });
  const pool = life.own(
    "pool",
    createDb({
      connectionString: stores.databaseUrl,
      applicationName: "converge",
      connectionsMax,
      // However busy the machine is: an outage is a history's to tell.
      connectionWaitMsMax: 0,
    }),
    (opened) => opened.end(),
  );
  const db = prepareQueries(pool);
  const redis = life.own(
    "redis",
    createRedis({
      url: stores.redisUrl,
      connectionName: "converge",
      purpose: "requests",
      onConnectionError: () => {},
    }),
    (connection) => connection.disconnect(),
  );
  const time = await createTimes(simulator.url);
  await seedCatalog(db, { mode: "simulator", usagePartitions: 4, now: time.clock.now() });
  await bindStripeAccount({ db, stripe, secretKey, mode: "simulator" });
  await push({ db, stripe, clock: time.clock }, { webhooks });
  return { simulator, stripe, db, redis, time };
}

/** Moves Stripe's clock, and resolves when it has arrived. */
export async function travelTo({ stripe, simulator, time }: Place, instant: Date): Promise<void> {
  const { testClockId } = simulator;
  await stripe.testHelpers.testClocks.advance(testClockId, {
    frozen_time: Math.ceil(instant.getTime() / 1000),
  });
  while ((await stripe.testHelpers.testClocks.retrieve(testClockId)).status !== "ready")
    await new Promise((resolve) => setTimeout(resolve, 2));
  await time.follow();
}

type Times = Awaited<ReturnType<typeof createTimes>>;

/** Business time is the simulator's; the wall can be told to go as fast as we say, so that nobody waits for a backoff. */
async function createTimes(simulatorUrl: string) {
  let offsetMs = 0;
  let wallOffsetMs = 0;
  const follow = async () => {
    const response = await fetch(`${simulatorUrl}/_sim/clock`);
    offsetMs = ((await response.json()) as { offsetMs: number }).offsetMs;
  };
  await follow();
  return {
    clock: { now: () => new Date(Date.now() + offsetMs) },
    wallClock: { now: () => new Date(Date.now() + wallOffsetMs) },
    passWall: (ms: number) => {
      wallOffsetMs += ms;
    },
    follow,
  };
}
