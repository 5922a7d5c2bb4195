import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** The next step of an invoice that was not paid: a try, or the last step. */
export const dunningStep = defineJob({
  queue: "billing",
  name: "dunning-step",
  payload: z.object({ invoiceId: z.string().min(1) }),
  id: ({ invoiceId }) => invoiceId,
  attempts: 5,
  backoffMs: 1_000,
});
