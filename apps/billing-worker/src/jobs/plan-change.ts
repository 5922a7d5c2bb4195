import { planChange } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { CarryOutChange } from "../plan-change/carry-out-change.ts";

/** One change of a subscription; what it does in each state is in plan-change/. */
export const planChangeProcessor = ({ carryOut }: { carryOut: CarryOutChange }) =>
  processor(planChange, ({ changeId }, context) => carryOut(changeId, context));
