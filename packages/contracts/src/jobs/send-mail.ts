import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Sends the mail of one notice, once. What fails is due again later (notice_mails), not by the queue. */
export const sendMail = defineJob({
  queue: "billing",
  name: "send-mail",
  payload: z.object({ noticeId: z.string().min(1) }),
  id: ({ noticeId }) => noticeId,
  attempts: 3,
  backoffMs: 1_000,
});
