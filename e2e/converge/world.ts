import { applyStripeEvent, type StripeHint } from "@driftlock/contracts";
import { sql } from "@driftlock/db";
import { createLogger, type Lifecycle } from "@driftlock/runtime";
import type { Processor, Producer } from "@driftlock/runtime/queue";
import { createSendAdjustment } from "../../apps/billing-worker/src/adjustments/send-adjustment.ts";
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
import { openPlace, type Stores } from "./place.ts";

const minuteMs = 60_000;
const latenessMs = 1_000;

/**
 * One installation beside a Stripe, for a batch of customers: everything that the worker process is made of, without
 * its queues, so that whoever runs it says what runs when, and what dies.
 */
export async function openWorld(
  life: Lifecycle,
  { stores, course, producer }: { stores: Stores; course: Course; producer: Producer },
) {
  const place = await openPlace(life, { stores });
  const { stripe, db, redis, time } = place;
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
    ...place,
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
