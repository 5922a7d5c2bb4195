import { z } from "zod";
import { AccountId } from "../ids.ts";
import { PageQuery } from "./page.ts";

/** `state=open` leaves out what is settled. */
export const DunningQuery = PageQuery.extend({ state: z.enum(["open", "all"]).default("all") });
export type DunningQuery = z.infer<typeof DunningQuery>;

/** The story of one invoice that was not paid. `attempts` are our tries, `stripeAttempts` Stripe's own. */
export const DunningCaseDto = z
  .object({
    invoiceId: z.string(),
    accountId: AccountId,
    subscriptionId: z.string().nullable(),
    state: z.enum(["retrying", "waiting_for_card", "action_required", "recovered", "gave_up", "stopped"]),
    mode: z.enum(["worker", "stripe"]),
    attempts: z.number().int(),
    stripeAttempts: z.number().int(),
    declineCode: z.string().nullable(),
    amountRemainingMinor: z.number().int(),
    currency: z.string(),
    hostedUrl: z.string().nullable(),
    firstFailedAt: z.iso.datetime(),
    lastTriedAt: z.iso.datetime(),
    /** What comes next by itself, and when; both null where nothing does. */
    nextStep: z.enum(["retry", "final", "resume"]).nullable(),
    nextStepAt: z.iso.datetime().nullable(),
    /** What the last step did to the subscription. */
    finalStep: z.enum(["cancel", "pause", "downgrade-to-free"]).nullable(),
    settledAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "DunningCase" });
export type DunningCaseDto = z.infer<typeof DunningCaseDto>;

/** A case with each of our tries. `outcome` is null while a try is on its way. */
export const DunningCaseDetailDto = DunningCaseDto.extend({
  tries: z.array(
    z.object({
      attempt: z.number().int(),
      reason: z.enum(["schedule", "new_card", "operator"]),
      paymentMethodId: z.string().nullable(),
      outcome: z.string().nullable(),
      declineCode: z.string().nullable(),
      startedAt: z.iso.datetime(),
      endedAt: z.iso.datetime().nullable(),
    }),
  ),
}).meta({ id: "DunningCaseDetail" });
export type DunningCaseDetailDto = z.infer<typeof DunningCaseDetailDto>;

/** A payment that its bank asks back. `status` and `reason` are Stripe's. */
export const DisputeDto = z
  .object({
    id: z.string(),
    accountId: AccountId,
    chargeId: z.string(),
    invoiceId: z.string().nullable(),
    status: z.string(),
    reason: z.string(),
    amountMinor: z.number().int(),
    currency: z.string(),
    openedAt: z.iso.datetime(),
    evidenceDueAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Dispute" });
export type DisputeDto = z.infer<typeof DisputeDto>;
