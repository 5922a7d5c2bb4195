import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Sends one notice to one endpoint, once. What fails is due again later (notice_deliveries), not by the queue. */
export const sendNotice = defineJob({
  queue: "billing",
  name: "send-notice",
  payload: z.object({ noticeId: z.string().min(1), endpointId: z.string().min(1) }),
  id: ({ noticeId, endpointId }) => `${noticeId}.${endpointId}`,
  attempts: 3,
  backoffMs: 1_000,
});
