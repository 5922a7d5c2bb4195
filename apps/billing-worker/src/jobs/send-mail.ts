import { sendMail } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { SendNoticeMail } from "../notices/send-notice-mail.ts";

/** Sends the mail of one notice; when it is tried again is in notice_mails, not in the queue. */
export const sendMailProcessor = ({ send }: { send: SendNoticeMail }) =>
  processor(sendMail, async ({ noticeId }, context) => send(noticeId, context));
