import { z } from "zod";
import { PlanId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { accessLevels, paymentStates, subscriptionStatuses } from "../plan.ts";
import { AccountChoice } from "./account-choice.ts";
import { PlanChoice } from "./checkout.ts";

/** What is to be paid now, and where: `needsConfirmation` where the bank wants to see the customer at `hostedUrl`. */
export const DueInvoiceDto = z
  .object({
    id: z.string(),
    number: z.string().nullable(),
    amountRemainingMinor: z.number().int(),
    currency: z.string(),
    hostedUrl: z.string().nullable(),
    needsConfirmation: z.boolean(),
    /** Why the last try failed, as the customer may know it; null where it gave no reason. */
    declineCode: z.string().nullable(),
    /** When the payment is tried again by itself; null where only the customer can help. */
    nextAttemptAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "DueInvoice" });
export type DueInvoiceDto = z.infer<typeof DueInvoiceDto>;

/** The card that the plan is paid with, from 30 days before its last month ends until another takes its place. */
export const ExpiringCardDto = z
  .object({
    brand: z.string().nullable(),
    last4: z.string().nullable(),
    expMonth: z.number().int(),
    expYear: z.number().int(),
    hasExpired: z.boolean(),
  })
  .meta({ id: "ExpiringCard" });
export type ExpiringCardDto = z.infer<typeof ExpiringCardDto>;

/**
 * What an account has. One that never paid is `active` on Free, with a period of its own. `pendingPlanId` is the plan
 * that follows at the period's end: `free` once it is set to end (`cancelAtPeriodEnd`), null while nothing changes.
 */
export const SubscriptionDto = z
  .object({
    accountId: z.string(),
    planId: PlanId,
    planVersion: z.number().int(),
    status: z.enum(subscriptionStatuses),
    period: PeriodDto,
    cancelAtPeriodEnd: z.boolean(),
    pendingPlanId: PlanId.nullable(),
    paymentState: z.enum(paymentStates),
    access: z.enum(accessLevels),
    /** The oldest invoice whose payment failed; null where none is to be paid. */
    dueInvoice: DueInvoiceDto.nullable(),
    /** Null while the card is good for long, and where it is not needed any more. */
    expiringCard: ExpiringCardDto.nullable(),
  })
  .meta({ id: "Subscription" });
export type SubscriptionDto = z.infer<typeof SubscriptionDto>;

/**
 * To a dearer plan at once, to a cheaper one at the period's end; to `free` is a cancellation at the period's end; to
 * the present plan takes back a change that is still to come. `preview` tells the money and changes nothing.
 */
export const ChangePlanBody = z.strictObject({
  ...AccountChoice.shape,
  planId: PlanChoice,
  preview: z.boolean().default(false),
});
export type ChangePlanBody = z.infer<typeof ChangePlanBody>;

/** What the next invoice would be: due now for an upgrade, at `effectiveAt` for every other change. */
export const ChangePreviewDto = z
  .object({
    amountDueMinor: z.number().int(),
    currency: z.string(),
    lines: z.array(
      z.object({ description: z.string().nullable(), amountMinor: z.number().int(), period: PeriodDto }),
    ),
    effectiveAt: z.iso.datetime(),
  })
  .meta({ id: "ChangePreview" });
export type ChangePreviewDto = z.infer<typeof ChangePreviewDto>;

export const CancelQuery = z.object({
  ...AccountChoice.shape,
  when: z.enum(["period-end", "now"]).default("period-end"),
});
export type CancelQuery = z.infer<typeof CancelQuery>;

export const ResumeBody = z.strictObject(AccountChoice.shape);
