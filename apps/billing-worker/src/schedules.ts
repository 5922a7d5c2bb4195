import {
  adjustPeriod,
  adoptCard,
  closePeriod,
  dunningStep,
  movePlanVersion,
  planChange,
  rollPeriods,
  sendAdjustment,
  sendNotice,
  sweepStripeEvents,
} from "@driftlock/contracts";
import {
  type Db,
  dunningCases,
  newCards,
  notices,
  periodCloses,
  planChanges,
  planVersionMoves,
  usageAdjustmentChecks,
  usageAdjustments,
  usagePeriodsWrite,
} from "@driftlock/db";
import { type RedisClient, setWorkerHeartbeat } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { createUsageAlerts } from "./alerts/usage-alerts.ts";
import { tellExpiringCards } from "./notices/tell-expiring-cards.ts";
import type { PushLimits } from "./periods/push-limits.ts";
import { rollDueAt } from "./periods/roll-due-at.ts";

export interface ScheduleDeps {
  db: Db;
  redis: RedisClient;
  producer: Producer;
  clock: Clock;
  wallClock: Clock;
  pushLimits: PushLimits;
  sweepIntervalMs: number;
  /** How long after a period's end its usage may still come in. Business time. */
  latenessMs: number;
  /** How long late usage of a closed period is gathered before it is billed. Business time. */
  gatherMs: number;
}

export interface Schedule {
  name: string;
  /** Wall time between two runs. */
  intervalMs: number;
  run(): Promise<void>;
}

const atOnceMax = 200;
/** Changes of subscriptions that moves between versions have open: customers' own come in between. */
const moveChangesMax = 10;
/** An adjustment takes a few calls to Stripe; what a dead worker held is soon another's. */
const adjustmentLeaseMs = 30_000;

/**
 * Every recurring tick of the worker. What is due at a business time lies in Postgres; a tick makes jobs of it, which read
 * it again and do nothing unless it still is. Several workers may tick at once: the same work is the same job.
 */
export function schedules(deps: ScheduleDeps): Schedule[] {
  const { db, redis, producer, clock, wallClock, pushLimits } = deps;
  const limit = atOnceMax;
  const usageAlerts = createUsageAlerts({ db, clock });
  return [
    {
      name: "roll-periods",
      intervalMs: 500,
      run: async () => {
        const due = { ...rollDueAt(clock.now(), deps.latenessMs), limit };
        for (const accountId of await usagePeriodsWrite.listAccountsToRoll(db, due))
          await producer.add(rollPeriods, { accountId });
      },
    },
    {
      name: "close-periods",
      intervalMs: 250,
      run: async () => {
        const due = { now: clock.now(), wallNow: wallClock.now(), limit };
        for (const { stripeSubscriptionId, periodStart } of await periodCloses.listDueCloses(db, due))
          await producer.add(closePeriod, { stripeSubscriptionId, periodStart: periodStart.toISOString() });
      },
    },
    {
      name: "plan-changes",
      intervalMs: 250,
      run: async () => {
        for (const changeId of await planChanges.listDueChanges(db, { wallNow: wallClock.now(), limit }))
          await producer.add(planChange, { changeId });
      },
    },
    {
      name: "plan-version-moves",
      intervalMs: 500,
      run: async () => {
        const due = { wallNow: wallClock.now(), limit, changesMax: moveChangesMax };
        for (const move of await planVersionMoves.listDueMoves(db, due))
          await producer.add(movePlanVersion, move);
      },
    },
    {
      name: "dunning-steps",
      intervalMs: 500,
      run: async () => {
        const due = { now: clock.now(), wallNow: wallClock.now(), limit };
        for (const invoiceId of await dunningCases.claimDueCases(db, due))
          await producer.add(dunningStep, { invoiceId });
      },
    },
    {
      name: "adjusted-periods",
      intervalMs: 500,
      run: async () => {
        const markedBefore = new Date(clock.now().getTime() - deps.gatherMs);
        const due = { markedBefore, wallNow: wallClock.now(), limit };
        for (const { accountId, periodStart } of await usageAdjustmentChecks.listDueChecks(db, due))
          await producer.add(adjustPeriod, { accountId, periodStart: periodStart.toISOString() });
      },
    },
    {
      name: "adjustments",
      intervalMs: 500,
      run: async () => {
        const claim = { leaseMs: adjustmentLeaseMs, limit };
        for (const adjustmentId of await usageAdjustments.claimAdjustments(db, claim))
          await producer.add(sendAdjustment, { adjustmentId });
      },
    },
    {
      name: "new-cards",
      intervalMs: 500,
      run: async () => {
        for (const accountId of await newCards.claimAccountsWithNewCard(db, wallClock.now(), limit))
          await producer.add(adoptCard, { accountId });
      },
    },
    {
      name: "notices",
      intervalMs: 500,
      run: async () => {
        for (const delivery of await notices.claimDueDeliveries(db, wallClock.now(), limit))
          await producer.add(sendNotice, delivery);
      },
    },
    {
      name: "limits",
      intervalMs: 500,
      run: async () => {
        for (const accountId of await usagePeriodsWrite.listLimitsToPush(db, limit))
          await pushLimits({ accountId });
      },
    },
    { name: "moved-alerts", intervalMs: 2_000, run: usageAlerts.tellMoved },
    { name: "all-alerts", intervalMs: 2_000, run: usageAlerts.tellNext },
    { name: "expiring-cards", intervalMs: 60_000, run: () => tellExpiringCards(db, clock.now()) },
    {
      name: "stripe-events",
      intervalMs: deps.sweepIntervalMs,
      run: () => producer.add(sweepStripeEvents, {}),
    },
    // The ingester takes 5 minutes without a beat for the end of all workers.
    { name: "heartbeat", intervalMs: 10_000, run: () => setWorkerHeartbeat(redis, wallClock.now()) },
  ];
}
