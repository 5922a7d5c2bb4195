import { closePeriod } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { ClosePeriod } from "../closing/close-period.ts";

/** The close of one period; what it does in each state is in closing/. */
export const closePeriodProcessor = ({ close }: { close: ClosePeriod }) =>
  processor(closePeriod, async ({ stripeSubscriptionId, periodStart }, context) =>
    close({ stripeSubscriptionId, periodStart: new Date(periodStart) }, context),
  );
