import { z } from "zod";
import { AccountId } from "../ids.ts";
import { defineJob } from "./define-job.ts";

/** Looks at a closed period whose totals may hold more, or less, than was billed of them (usage_adjustment_checks). */
export const adjustPeriod = defineJob({
  queue: "billing",
  name: "adjust-period",
  payload: z.object({ accountId: AccountId, periodStart: z.iso.datetime() }),
  id: ({ accountId, periodStart }) => `${accountId}.${periodStart}`,
  attempts: 5,
  backoffMs: 1_000,
});
