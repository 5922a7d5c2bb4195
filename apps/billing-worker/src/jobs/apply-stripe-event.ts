import { setTimeout as delay } from "node:timers/promises";
import { AppError, applyStripeEvent, handledThinEventTypes } from "@driftlock/contracts";
import { createBatcher, type Logger } from "@driftlock/runtime";
import { processor } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import { type ApplyHintsDeps, applyHints, type GivenHint } from "../stripe-events/apply-hints.ts";
import { setAsideRefusedReports } from "../stripe-events/meter-events.ts";

/** Jobs of this queue at a time, and so the events of one transaction at most: nearly all of a job's time is its commit. */
export const applyConcurrency = 500;
const awayPauseMs = 500;

interface ApplyStripeEventDeps extends ApplyHintsDeps {
  stripe: Stripe;
}

/**
 * A job for each event, and one transaction for those that run at the same time. An event that cannot be recorded fails
 * alone; while a server is away all of them wait for it, so that none of them spends its attempts on that.
 */
export function applyStripeEventProcessor(deps: ApplyStripeEventDeps) {
  const apply = createBatcher<GivenHint & { signal: AbortSignal }>({
    itemsMax: applyConcurrency,
    run: (batch) => whenServersAnswer(() => applyHints(deps, batch), { log: deps.log, batch }),
    isolates: (error) => !isUnavailable(error),
  });
  return processor(applyStripeEvent, async (hint, context) => {
    if (handledThinEventTypes.some((type) => type === hint.type))
      return setAsideRefusedReports(deps, hint, context.log);
    return apply({ hint, requestId: context.requestId, signal: context.signal });
  });
}

const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.code === "UNAVAILABLE";

/** Postgres or Redis away: again and again, until it is back or the process stops, which puts the jobs back. */
async function whenServersAnswer(
  work: () => Promise<void>,
  { log, batch }: { log: Logger; batch: readonly { signal: AbortSignal }[] },
): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || batch.every(({ signal }) => signal.aborted)) throw error;
      if (failures === 0) log.warn({ err: error, count: batch.length }, "stripe-events.waiting");
      await delay(awayPauseMs);
    }
  }
}
