import { z } from "zod";
import { AccountId } from "../ids.ts";
import { defineJob } from "./define-job.ts";

/** Makes the card that the customer entered last the default, where payments are taken from. */
export const adoptCard = defineJob({
  queue: "billing",
  name: "adopt-card",
  payload: z.object({ accountId: AccountId }),
  id: ({ accountId }) => accountId,
  attempts: 5,
  backoffMs: 1_000,
});
