import { hostname } from "node:os";
import { applyStripeEvent, syncStripeObject } from "@driftlock/contracts";
import { createDb } from "@driftlock/db";
import { adjustmentGatherMs, closeLatenessMs } from "@driftlock/domain";
import { createRedis, createSharedTokenBuckets, findRedisWarnings, pingRedis } from "@driftlock/redis";
import {
  type Composed,
  createErrorLog,
  createProgressTicker,
  createTicker,
  type ProcessContext,
} from "@driftlock/runtime";
import {
  type Consumer,
  createConsumer,
  createProducer,
  createQueueInspector,
  observeQueues,
} from "@driftlock/runtime/queue";
import { createStripe } from "@driftlock/stripe";
import { observeAdjustments } from "./adjustments/observe-adjustments.ts";
import { createSendAdjustment } from "./adjustments/send-adjustment.ts";
import { expectStripeAccount } from "./catalog/bind-stripe-account.ts";
import { createClosePeriod } from "./closing/close-period.ts";
import { createAdoptCard } from "./dunning/adopt-card.ts";
import { createDunningStep } from "./dunning/dunning-step.ts";
import { observeDunning } from "./dunning/observe-dunning.ts";
import type { Env } from "./env.ts";
import { adjustPeriodProcessor } from "./jobs/adjust-period.ts";
import { adoptCardProcessor } from "./jobs/adopt-card.ts";
import { applyConcurrency, applyStripeEventProcessor } from "./jobs/apply-stripe-event.ts";
import { closePeriodProcessor } from "./jobs/close-period.ts";
import { dunningStepProcessor } from "./jobs/dunning-step.ts";
import { movePlanVersionProcessor } from "./jobs/move-plan-version.ts";
import { planChangeProcessor } from "./jobs/plan-change.ts";
import { resolveDoubleCheckoutProcessor } from "./jobs/resolve-double-checkout.ts";
import { rollPeriodsProcessor } from "./jobs/roll-periods.ts";
import { sendAdjustmentProcessor } from "./jobs/send-adjustment.ts";
import { sendMailProcessor } from "./jobs/send-mail.ts";
import { sendNoticeProcessor } from "./jobs/send-notice.ts";
import { sweepStripeEventsProcessor } from "./jobs/sweep-stripe-events.ts";
import { syncStripeObjectProcessor } from "./jobs/sync-stripe-object.ts";
import { createMailer } from "./notices/create-mailer.ts";
import { mailSchedules } from "./notices/mail-schedules.ts";
import { observeNotices } from "./notices/observe-notices.ts";
import { createSendNotice } from "./notices/send-notice.ts";
import { createSendNoticeMail } from "./notices/send-notice-mail.ts";
import { createPushLimits } from "./periods/push-limits.ts";
import { createCarryOutChange } from "./plan-change/carry-out-change.ts";
import { createMovePlanVersion } from "./plan-version/move-plan-version.ts";
import { findProgress } from "./find-progress.ts";
import { observeReconciliation } from "./reconciliation/observe-reconciliation.ts";
import { reconciliationSchedules } from "./reconciliation/schedules.ts";
import { schedules } from "./schedules.ts";
import { createSyncObject } from "./sync/sync-object.ts";

/** On the simulator usage carries the clock's own time: only what is on its way comes after a period's end. */
const simulatedLatenessMs = 1_000;

/** Resources, what is done with them, entrances. */
export async function compose(env: Env, { life, log, clock, metrics }: ProcessContext): Promise<Composed> {
  const wallClock = { now: () => new Date() };
  const mode = env.DRIFTLOCK_MODE;
  const secretKey = env.STRIPE_SECRET_KEY.reveal();
  const onConnectionError = (resource: string) =>
    createErrorLog({ log, level: "warn", event: `${resource}.connection-lost` });

  const queryTime = metrics.histogram({
    name: "db_query_seconds",
    help: "How long queries took, by their name",
    labels: ["query"] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
  });
  const db = life.own(
    "postgres",
    createDb({
      connectionString: env.DATABASE_URL,
      connectionsMax: env.WORKER_CONCURRENCY * 2 + 4,
      applicationName: "billing-worker",
      onQuery: (query, durationMs) => queryTime.observe({ query }, durationMs / 1_000),
      onConnectionError: onConnectionError("postgres"),
    }),
    (pool) => pool.end(),
  );
  const openRedis = (purpose: "requests" | "queues") =>
    life.own(
      `redis (${purpose})`,
      createRedis({
        url: env.REDIS_URL,
        connectionName: "billing-worker",
        purpose,
        onConnectionError: onConnectionError("redis"),
      }),
      (connection) => connection.disconnect(),
    );
  const redis = openRedis("requests");
  const queueRedis = openRedis("queues");
  const stripe = createStripe({
    secretKey,
    apiUrl: env.STRIPE_API_URL,
    log,
    maxNetworkRetries: 2,
    readsPerSecond: env.STRIPE_READS_PER_SECOND,
    shareBuckets: (size) => createSharedTokenBuckets({ redis, ...size }),
  });
  await expectStripeAccount({ db, stripe, secretKey, mode });
  const producer = life.own("producer", createProducer({ connection: redis, log }), (queues) =>
    queues.close(),
  );
  const queues = [applyStripeEvent.queue, syncStripeObject.queue];
  const inspector = life.own(
    "queue inspector",
    createQueueInspector({ connection: redis, queues, log }),
    (open) => open.close(),
  );
  observeQueues(metrics, inspector);
  observeReconciliation(metrics, { db, wallClock });
  observeDunning(metrics, { db, clock });
  observeAdjustments(metrics, db);
  const count = observeNotices(metrics);
  const { SMTP_URL: smtpUrl, MAIL_FROM: from = "" } = env;
  const mailer =
    smtpUrl && life.own("mailer", createMailer({ url: smtpUrl, from }), (opened) => opened.close());

  const isSimulated = mode === "simulator";
  const latenessMs = env.CLOSE_LATENESS_MS ?? (isSimulated ? simulatedLatenessMs : closeLatenessMs);
  const gatherMs = isSimulated ? simulatedLatenessMs : adjustmentGatherMs;
  const pushLimits = createPushLimits({ db, redis, clock });
  const deps = {
    db,
    redis,
    stripe,
    producer,
    clock,
    wallClock,
    pushLimits,
    latenessMs,
    gatherMs,
    isLive: mode === "live",
  };
  const close = createClosePeriod(deps);
  const syncObject = createSyncObject({
    ...deps,
    dunningMode: env.DUNNING_MODE,
    holder: `${hostname()}.${process.pid}`,
  });
  const consumers: Consumer[] = [];
  const consume = (
    queue: string,
    processors: Parameters<typeof createConsumer>[0]["processors"],
    concurrency = env.WORKER_CONCURRENCY,
  ) => {
    const consumer = createConsumer({ connection: queueRedis, queue, processors, concurrency, log, metrics });
    consumers.push(life.own(`consumer of ${queue}`, consumer, ({ close: drain }) => drain()));
  };
  const tick = (name: string, intervalMs: number, run: () => Promise<void>) => {
    const ticker = life.own(`ticker ${name}`, createTicker({ name, intervalMs, run, log }), (each) =>
      each.close(),
    );
    clock.onMoved(ticker.nudge);
  };

  return {
    checks: {
      postgres: db.ping,
      redis: () => pingRedis(redis),
      queues: async () => void (await Promise.all(consumers.map(({ check }) => check()))),
    },
    start: async () => {
      for (const warning of await findRedisWarnings(redis)) log.warn({ warning }, "redis.misconfigured");
      consume(applyStripeEvent.queue, [applyStripeEventProcessor({ ...deps, log })], applyConcurrency);
      consume(syncStripeObject.queue, [
        syncStripeObjectProcessor({ ...deps, syncObject }),
        resolveDoubleCheckoutProcessor(deps),
        sweepStripeEventsProcessor(deps),
        rollPeriodsProcessor(deps),
        closePeriodProcessor({ close }),
        planChangeProcessor({ carryOut: createCarryOutChange({ ...deps, syncObject, close }) }),
        movePlanVersionProcessor({ move: createMovePlanVersion(deps) }),
        dunningStepProcessor({ step: createDunningStep({ ...deps, finalStep: env.DUNNING_FINAL_STEP }) }),
        adjustPeriodProcessor(deps),
        sendAdjustmentProcessor({ send: createSendAdjustment(deps) }),
        adoptCardProcessor({ adopt: createAdoptCard(deps) }),
        sendNoticeProcessor({ send: createSendNotice({ ...deps, count, allowsLoopback: isSimulated }) }),
        ...(mailer
          ? [sendMailProcessor({ send: createSendNoticeMail({ ...deps, count, send: mailer.send }) })]
          : []),
      ]);
      const due = { ...deps, sweepIntervalMs: env.SWEEP_INTERVAL_MS };
      for (const { name, intervalMs, run } of [
        ...schedules(due),
        ...reconciliationSchedules({ ...deps, log }),
        ...(mailer ? mailSchedules(deps) : []),
      ])
        tick(name, intervalMs, run);
      if (isSimulated) {
        const look = () => findProgress({ db, inspector, clock, latenessMs, gatherMs });
        life.own("progress", createProgressTicker({ clock, look, log }), (ticker) => ticker.close());
      }
    },
  };
}
