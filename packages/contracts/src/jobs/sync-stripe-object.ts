import { z } from "zod";
import { defineJob } from "./define-job.ts";

/**
 * Fetches a dirty object from Stripe and applies it. Add it with `deduplicate: "keep-last-if-active"`: a surge of
 * hints is then one or two fetches, and a hint that comes during a fetch causes another.
 */
export const syncStripeObject = defineJob({
  queue: "billing",
  name: "sync-stripe-object",
  payload: z.object({ objectId: z.string().min(1) }),
  id: ({ objectId }) => objectId,
  attempts: 12,
  backoffMs: 500,
});
