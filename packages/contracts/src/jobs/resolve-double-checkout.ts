import { z } from "zod";
import { AccountId } from "../ids.ts";
import { defineJob } from "./define-job.ts";

/** Where two checkouts of one account were paid: the later is cancelled and refunded in full. */
export const resolveDoubleCheckout = defineJob({
  queue: "billing",
  name: "resolve-double-checkout",
  payload: z.object({ accountId: AccountId }),
  id: ({ accountId }) => accountId,
  attempts: 12,
  backoffMs: 1_000,
});
