import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Finds the events that never arrived, and dirty objects whose job was lost. */
export const sweepStripeEvents = defineJob({
  queue: "billing",
  name: "sweep-stripe-events",
  payload: z.object({}),
  id: () => "all",
  attempts: 3,
  backoffMs: 10_000,
});
