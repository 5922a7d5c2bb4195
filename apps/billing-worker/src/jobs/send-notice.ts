import { sendNotice } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { SendNotice } from "../notices/send-notice.ts";

/** Sends one notice to one endpoint; when it is tried again is in notice_deliveries, not in the queue. */
export const sendNoticeProcessor = ({ send }: { send: SendNotice }) =>
  processor(sendNotice, async (of, context) => send(of, context));
