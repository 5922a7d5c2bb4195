import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Takes a change of a subscription as far as it goes now (plan_changes): decided, settled, made at Stripe, mirrored. */
export const planChange = defineJob({
  queue: "billing",
  name: "plan-change",
  payload: z.object({ changeId: z.string().min(1) }),
  id: ({ changeId }) => changeId,
  attempts: 5,
  backoffMs: 500,
});
