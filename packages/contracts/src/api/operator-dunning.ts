import { z } from "zod";
import { AccountId } from "../ids.ts";

/** The story of one invoice that was not paid. `attempts` are ours, not Stripe's. */
export const DunningCaseDto = z
  .object({
    invoiceId: z.string(),
    accountId: AccountId,
    state: z.string(),
    mode: z.enum(["worker", "stripe"]),
    attempts: z.number().int(),
    declineCode: z.string().nullable(),
    firstFailedAt: z.iso.datetime(),
    nextStepAt: z.iso.datetime().nullable(),
    settledAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "DunningCase" });
export type DunningCaseDto = z.infer<typeof DunningCaseDto>;
