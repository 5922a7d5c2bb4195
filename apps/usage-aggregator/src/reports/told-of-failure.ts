import type { Logger } from "@driftlock/runtime";
import { meterCallFailureOf } from "@driftlock/stripe";

/**
 * For a comparison that failed: its reports stay as they are, and the other customers' are none the worse for it.
 * @returns whether Stripe is away for all of them.
 */
export const toldOfFailure =
  ({ stripeCustomerId: customerId }: { stripeCustomerId: string }, log: Logger) =>
  (err: unknown): boolean => {
    log.error({ err, customerId }, "usage.reports-not-compared");
    return meterCallFailureOf(err).kind === "all-later";
  };
