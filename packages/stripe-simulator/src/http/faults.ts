import { setTimeout as delay } from "node:timers/promises";
import { takeFault } from "../events/webhook-faults.ts";
import { rateLimited, StripeError } from "../errors.ts";
import type { FaultRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";

const API_KINDS: FaultRecord["kind"][] = ["rate-limit", "lock-timeout", "server-error", "time-out", "slow"];

/** Takes the first fault that is about this call, and counts the use. */
export function takeApiFault(sim: Simulation, method: string, path: string): FaultRecord | undefined {
  const isAbout = (each: FaultRecord): boolean =>
    API_KINDS.includes(each.kind) &&
    (each.method === null || each.method === method) &&
    (each.pathPrefix === null || path.startsWith(each.pathPrefix));
  if (!sim.store.list("sim.fault").some(isAbout)) return undefined;
  return sim.transact(null, ({ store }) => takeFault(store, isAbout));
}

/**
 * Answers a call under a fault: late, with 429 or 500 (before or after the effect), or never. `work` makes the effect;
 * the result null means that the connection is to be closed without an answer.
 */
export async function answerWithFault<T>(fault: FaultRecord, work: () => T): Promise<T | null> {
  if (fault.kind === "slow") {
    await delay(fault.delayMs);
    return work();
  }
  if (fault.afterEffect) work();
  if (fault.kind === "rate-limit") throw rateLimited(fault.reason ?? "global-rate", fault.shouldRetry);
  if (fault.kind === "lock-timeout")
    throw new StripeError(
      429,
      {
        type: "invalid_request_error",
        code: "lock_timeout",
        message:
          "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
      },
      { shouldRetry: fault.shouldRetry },
    );
  if (fault.kind === "server-error")
    throw new StripeError(500, {
      type: "api_error",
      message: "An unexpected error occurred. (The simulator was asked for it.)",
    });
  await delay(fault.delayMs);
  return null;
}
