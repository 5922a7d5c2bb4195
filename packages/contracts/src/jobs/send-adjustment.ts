import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Puts one adjustment onto an invoice at Stripe (usage_adjustments). The row says when it is tried again. */
export const sendAdjustment = defineJob({
  queue: "billing",
  name: "send-adjustment",
  payload: z.object({ adjustmentId: z.string().min(1) }),
  id: ({ adjustmentId }) => adjustmentId,
  attempts: 3,
  backoffMs: 1_000,
});
