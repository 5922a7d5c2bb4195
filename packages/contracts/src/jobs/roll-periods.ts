import { z } from "zod";
import { AccountId } from "../ids.ts";
import { defineJob } from "./define-job.ts";

/** Closes the account's ended periods that bill no usage, and tiles its time one period further. */
export const rollPeriods = defineJob({
  queue: "billing",
  name: "roll-periods",
  payload: z.object({ accountId: AccountId }),
  id: ({ accountId }) => accountId,
  attempts: 5,
  backoffMs: 1_000,
});
