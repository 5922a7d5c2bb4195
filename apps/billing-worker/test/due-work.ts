import { periodCloses, usagePeriodsWrite } from "@driftlock/db";
import { closeLatenessMs } from "@driftlock/domain";
import { readWebhook, stripeHintOf } from "@driftlock/stripe";
import { createClosePeriod } from "../src/closing/close-period.ts";
import { rollPeriodsProcessor } from "../src/jobs/roll-periods.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { rollDueAt } from "../src/periods/roll-due-at.ts";
import type { MovingWorld } from "./time-world.ts";

const limit = 200;

/** Does all that is due now, as the worker's schedules and the aggregator do, until nothing is left. */
export function createDueWork(world: MovingWorld) {
  const { db, stripe, clock, context } = world;
  let wallMs = Date.now();
  const deps = {
    ...world,
    wallClock: { now: () => new Date(wallMs) },
    pushLimits: createPushLimits(world),
    latenessMs: closeLatenessMs,
  };
  const close = createClosePeriod(deps);
  const roll = rollPeriodsProcessor(deps);
  let lastEventId: string | undefined;

  const takeEvents = async (): Promise<number> => {
    const changed = new Map<string, Parameters<MovingWorld["mark"]>>();
    const since = lastEventId === undefined ? {} : { ending_before: lastEventId };
    for await (const event of stripe.events.list({ limit: 100, ...since })) {
      const { objectId, objectType, customerId } = stripeHintOf(readWebhook(event));
      if (objectId !== null && (objectType === "subscription" || objectType === "invoice"))
        changed.set(objectId, [objectId, objectType, customerId]);
    }
    lastEventId = (await stripe.events.list({ limit: 1 })).data[0]?.id;
    for (const [objectId, ...object] of changed.values()) {
      await world.mark(objectId, ...object);
      await world.sync(objectId);
    }
    return changed.size;
  };

  return async (): Promise<void> => {
    for (let isDone = false; !isDone; wallMs += 60_000) {
      const changedCount = await takeEvents();
      const now = clock.now();
      const accountIds = await usagePeriodsWrite.listAccountsToRoll(db, {
        ...rollDueAt(now, closeLatenessMs),
        limit,
      });
      for (const accountId of accountIds)
        await roll.run({ accountId }, { ...context, attempt: 1, requestId: undefined });
      const closes = await periodCloses.listDueCloses(db, { now, wallNow: new Date(wallMs), limit });
      for (const key of closes) await close(key, context);
      await world.sendReports();
      isDone = changedCount + accountIds.length + closes.length === 0;
    }
  };
}
