import type { SimContext } from "../context.ts";
import { StripeError } from "../errors.ts";
import type { Simulation } from "../simulation.ts";

/**
 * Runs a page's action in one transaction. A StripeError is returned instead of thrown, so that what it left (a
 * declined charge) is kept, as it is for an API call.
 */
export const act = (sim: Simulation, work: (ctx: SimContext) => void): StripeError | null =>
  sim.transact(null, (ctx) => {
    try {
      work(ctx);
      return null;
    } catch (error) {
      if (error instanceof StripeError) return error;
      throw error;
    }
  });
