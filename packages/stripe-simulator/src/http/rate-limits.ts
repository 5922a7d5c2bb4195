import { rateLimited } from "../errors.ts";
import { behavioursOf } from "../behaviours.ts";
import type { Simulation } from "../simulation.ts";

export interface RateLimits {
  /** Counts a call; throws Stripe's 429 where it is one too many of this second. */
  take(path: string): void;
}

/** Stripe's limits, where a test has switched them on: for each endpoint, and for all calls together. Real time. */
export function createRateLimits(sim: Simulation): RateLimits {
  let second = 0;
  const counts = new Map<string, number>();
  const isBeyond = (key: string, limit: number | null): boolean => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return limit !== null && count > limit;
  };
  return {
    take(path) {
      const { callsPerSecondOfEndpoint, callsPerSecond } = behavioursOf(sim.store);
      const now = Math.floor(sim.wallNowMs() / 1_000);
      if (now !== second) counts.clear();
      second = now;
      if (isBeyond("", callsPerSecond)) throw rateLimited("global-rate");
      if (isBeyond(endpointOf(path), callsPerSecondOfEndpoint)) throw rateLimited("endpoint-rate");
    },
  };
}

/** `/v1/invoices/in_1/lines` is a call of `/v1/invoices`: Stripe counts by resource. */
const endpointOf = (path: string): string => path.split("/").slice(0, 3).join("/");
