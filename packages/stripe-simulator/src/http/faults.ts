import { setTimeout as delay } from "node:timers/promises";
import { spendFault } from "../events/webhook-faults.ts";
import { StripeError } from "../errors.ts";
import type { FaultRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";

const API_KINDS: FaultRecord["kind"][] = ["rate-limit", "server-error", "time-out", "slow"];

/** Takes the first fault that is about this call, and counts the use. */
export function takeApiFault(sim: Simulation, method: string, path: string): FaultRecord | undefined {
  const fault = sim.store
    .list("sim.fault")
    .find(
      (each) =>
        API_KINDS.includes(each.kind) &&
        (each.method === null || each.method === method) &&
        (each.pathPrefix === null || path.startsWith(each.pathPrefix)),
    );
  if (fault !== undefined) sim.transact(null, ({ store }) => spendFault(store, fault));
  return fault;
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
  if (fault.kind === "rate-limit")
    throw new StripeError(429, {
      type: "invalid_request_error",
      code: "rate_limit",
      message:
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
    });
  if (fault.kind === "server-error")
    throw new StripeError(500, {
      type: "api_error",
      message: "An unexpected error occurred. (The simulator was asked for it.)",
    });
  await delay(fault.delayMs);
  return null;
}
