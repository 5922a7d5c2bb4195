import { sendAdjustment } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { SendAdjustment } from "../adjustments/send-adjustment.ts";

/** One adjustment on its way to an invoice; what that takes is in adjustments/. */
export const sendAdjustmentProcessor = ({ send }: { send: SendAdjustment }) =>
  processor(sendAdjustment, ({ adjustmentId }, context) => send(adjustmentId, context));
