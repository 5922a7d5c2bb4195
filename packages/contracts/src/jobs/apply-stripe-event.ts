import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** What is kept of a delivery: which object changed, never its state, which is fetched again. */
export const StripeHint = z.object({
  eventId: z.string().min(1),
  kind: z.enum(["snapshot", "thin"]),
  type: z.string().min(1),
  apiVersion: z.string().nullable(),
  objectType: z.string().nullable(),
  objectId: z.string().nullable(),
  customerId: z.string().nullable(),
  isLive: z.boolean(),
});
export type StripeHint = z.infer<typeof StripeHint>;

/** Records the event once and marks what it names as dirty. */
export const applyStripeEvent = defineJob({
  queue: "stripe-events",
  name: "apply-stripe-event",
  payload: StripeHint,
  id: ({ eventId }) => eventId,
  attempts: 12,
  backoffMs: 1_000,
});
