import { applyStripeEvent, type StripeHint } from "@driftlock/contracts";
import { createDb, seedCatalog, sql } from "@driftlock/db";
import { createRedis } from "@driftlock/redis";
import { createLogger, type Lifecycle, type Processor, type Producer } from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { startSimulator } from "@driftlock/stripe-simulator";
import { createSendAdjustment } from "../../apps/billing-worker/src/adjustments/send-adjustment.ts";
import { bindStripeAccount } from "../../apps/billing-worker/src/catalog/bind-stripe-account.ts";
import { push } from "../../apps/billing-worker/src/catalog/plan-push.ts";
import { createClosePeriod } from "../../apps/billing-worker/src/closing/close-period.ts";
import { createAdoptCard } from "../../apps/billing-worker/src/dunning/adopt-card.ts";
import { createDunningStep } from "../../apps/billing-worker/src/dunning/dunning-step.ts";
import { adjustPeriodProcessor } from "../../apps/billing-worker/src/jobs/adjust-period.ts";
import { adoptCardProcessor } from "../../apps/billing-worker/src/jobs/adopt-card.ts";
import { closePeriodProcessor } from "../../apps/billing-worker/src/jobs/close-period.ts";
import { dunningStepProcessor } from "../../apps/billing-worker/src/jobs/dunning-step.ts";
import { planChangeProcessor } from "../../apps/billing-worker/src/jobs/plan-change.ts";
import { resolveDoubleCheckoutProcessor } from "../../apps/billing-worker/src/jobs/resolve-double-checkout.ts";
import { rollPeriodsProcessor } from "../../apps/billing-worker/src/jobs/roll-periods.ts";
import { sendAdjustmentProcessor } from "../../apps/billing-worker/src/jobs/send-adjustment.ts";
import { sweepStripeEventsProcessor } from "../../apps/billing-worker/src/jobs/sweep-stripe-events.ts";
import { syncStripeObjectProcessor } from "../../apps/billing-worker/src/jobs/sync-stripe-object.ts";
import { createPushLimits } from "../../apps/billing-worker/src/periods/push-limits.ts";
import { createCarryOutChange } from "../../apps/billing-worker/src/plan-change/carry-out-change.ts";
import { schedules } from "../../apps/billing-worker/src/schedules.ts";
import { applyHints } from "../../apps/billing-worker/src/stripe-events/apply-hints.ts";
import { createSyncObject } from "../../apps/billing-worker/src/sync/sync-object.ts";
import { gateDb, gateProducer, gateStripe } from "./gate.ts";
import type { Course } from "./history.ts";
import { prepareQueries } from "./prepare-queries.ts";

const secretKey = "sk_test_converge";
const minuteMs = 60_000;
const latenessMs = 1_000;
/** Each plans its queries anew, and a batch has two cores or fewer. */
const connectionsMax = 8;

export interface Stores {
  databaseUrl: string;
  redisUrl: string;
}

/**
 * One installation beside a Stripe, for a batch of customers: everything that the worker process is made of, without
 * its queues, so that whoever runs it says what runs when, and what dies.
 */
export async function openWorld(
  life: Lifecycle,
  { stores, course, producer }: { stores: Stores; course: Course; producer: Producer },
) {
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
  await push({ db, stripe, clock: time.clock });

  const log = createLogger({ name: "converge", level: "silent" });
  const gated = { db: gateDb(db), stripe: gateStripe(stripe), producer: gateProducer(producer) };
  const deps = {
    ...gated,
    redis,
    clock: time.clock,
    wallClock: time.wallClock,
    pushLimits: createPushLimits({ db: gated.db, redis, clock: time.clock }),
    latenessMs,
    isLive: false,
    dunningMode: course.dunningMode,
    finalStep: course.finalStep,
    gatherMs: 0,
    holder: "converge",
    log,
  };
  const close = createClosePeriod(deps);
  // Its push of limits is always lost, and left to the ticker.
  const syncObject = createSyncObject({ ...deps, pushLimits: async () => {} });
  const processors: Processor[] = [
    {
      // Without what batches the events of all customers: a batch would die with any of them.
      ...applyStripeEvent,
      run: (hints) =>
        applyHints(
          deps,
          (hints as StripeHint[]).map((hint) => ({ hint })),
        ),
    },
    syncStripeObjectProcessor({
      ...deps,
      syncObject: createSyncObject({ ...deps, pushLimits: async () => {} }),
    }),
    resolveDoubleCheckoutProcessor(deps),
    sweepStripeEventsProcessor(deps),
    rollPeriodsProcessor(deps),
    closePeriodProcessor({ close }),
    planChangeProcessor({ carryOut: createCarryOutChange({ ...deps, syncObject, close }) }),
    adjustPeriodProcessor(deps),
    sendAdjustmentProcessor({ send: createSendAdjustment(deps) }),
    dunningStepProcessor({ step: createDunningStep(deps) }),
    adoptCardProcessor({ adopt: createAdoptCard(deps) }),
  ];
  const ticks = schedules({ ...deps, sweepIntervalMs: minuteMs });
  return {
    simulator,
    stripe,
    db,
    time,
    latenessMs,
    context: { log, signal: life.signal },
    processors: new Map(processors.map((each) => [each.name, each])),
    /** Makes jobs of what is due; the sweep comes when it is asked for. */
    tick: async () => {
      for (const { name, run } of ticks) if (name !== "stripe-events" && name !== "heartbeat") await run();
    },
    endLeases: async (keys: readonly string[]) =>
      void (await db.run(
        "converge.endLeases",
        sql`update stripe_customer_leases set leased_until = '-infinity' where stripe_customer_id = any(${keys}::text[])`,
      )),
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Business time is the simulator's; the wall goes as fast as we say, so that nobody waits for a backoff. */
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
