import { z } from "zod";
import { defineJob } from "./define-job.ts";

/**
 * Opens the close that ends a subscription now: its usage is reported and verified up to `cancelAt`, then it is
 * cancelled at Stripe with a final invoice. No refund.
 */
export const cancelNow = defineJob({
  queue: "billing",
  name: "cancel-now",
  payload: z.object({ stripeSubscriptionId: z.string().min(1), cancelAt: z.iso.datetime() }),
  id: ({ stripeSubscriptionId }) => stripeSubscriptionId,
  attempts: 12,
  backoffMs: 1_000,
});
