import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Takes one period's close as far as it goes now: drained, reported, verified, then invoiced (period_closes). */
export const closePeriod = defineJob({
  queue: "billing",
  name: "close-period",
  payload: z.object({ stripeSubscriptionId: z.string().min(1), periodStart: z.iso.datetime() }),
  id: ({ stripeSubscriptionId, periodStart }) => `${stripeSubscriptionId}.${periodStart}`,
  attempts: 5,
  backoffMs: 1_000,
});
