import { movePlanVersion } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { MovePlanVersion } from "../plan-version/move-plan-version.ts";

/** One account's move between versions of a plan; what it takes is in plan-version/. */
export const movePlanVersionProcessor = ({ move }: { move: MovePlanVersion }) =>
  processor(movePlanVersion, (key, context) => move(key, context));
