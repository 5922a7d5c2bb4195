import { z } from "zod";
import { PlanId } from "../ids.ts";
import { defineJob } from "./define-job.ts";

/** Takes one account as far as it goes now from one version of a plan to another (plan_version_moves). */
export const movePlanVersion = defineJob({
  queue: "billing",
  name: "move-plan-version",
  payload: z.object({ accountId: z.string().min(1), planId: PlanId, fromVersion: z.int() }),
  id: ({ accountId, planId, fromVersion }) => `${accountId}.${planId}.${fromVersion}`,
  attempts: 5,
  backoffMs: 500,
});
