import { z } from "zod";
import { AccountId, PlanId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { accessLevels, paymentStates } from "../plan.ts";
import { PageQuery } from "./page.ts";

export const OpenAccountBody = z.strictObject({
  id: AccountId.optional(),
  name: z.string().min(1).max(200).optional(),
  email: z.email().max(254).optional(),
});
export type OpenAccountBody = z.infer<typeof OpenAccountBody>;

export const AccountsQuery = PageQuery.extend({
  search: z
    .string()
    .trim()
    .min(1)
    .max(254)
    .optional()
    .describe("Only accounts whose id, name or mail address contains it, or of this Stripe customer"),
});
export type AccountsQuery = z.infer<typeof AccountsQuery>;

export const AccountDto = z
  .object({
    id: AccountId,
    name: z.string().nullable(),
    email: z.string().nullable(),
    stripeCustomerId: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Account" });
export type AccountDto = z.infer<typeof AccountDto>;

/** An account with all that it has at Stripe, newest subscription first; those that ended too. */
export const AccountDetailDto = AccountDto.extend({
  planId: PlanId,
  paymentState: z.enum(paymentStates),
  access: z.enum(accessLevels),
  subscriptions: z.array(
    z.object({
      id: z.string(),
      planId: PlanId,
      planVersion: z.number().int(),
      status: z.string(),
      period: PeriodDto,
      cancelAtPeriodEnd: z.boolean(),
      pendingPlanId: PlanId.nullable(),
      pendingPlanVersion: z.int().nullable(),
      startedAt: z.iso.datetime(),
      endedAt: z.iso.datetime().nullable(),
    }),
  ),
}).meta({ id: "AccountDetail" });
export type AccountDetailDto = z.infer<typeof AccountDetailDto>;
