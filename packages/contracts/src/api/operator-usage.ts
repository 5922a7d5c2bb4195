import { z } from "zod";
import { AccountId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { PageQuery } from "./page.ts";
import { UsageResultDto } from "./usage.ts";

export const adjustmentInvoices = ["draft", "next", "own"] as const;

/** What a metric of one account's period grows by, and what that costs. */
export const LatePreviewLineDto = z
  .object({
    accountId: z.string(),
    metric: z.string(),
    period: PeriodDto,
    isClosed: z.boolean(),
    quantity: z.number().int(),
    amountMinor: z.number().int(),
    currency: z.string(),
    invoice: z
      .object({
        kind: z.enum(adjustmentInvoices),
        invoiceId: z.string().nullable(),
        subscriptionId: z.string(),
        at: z.iso.datetime().nullable(),
      })
      .nullable(),
  })
  .meta({ id: "LatePreviewLine" });
export type LatePreviewLineDto = z.infer<typeof LatePreviewLineDto>;

/**
 * What would happen if these events were sent. `results` are those that would not be counted; `heldBack` is how many would
 * wait for an operator, whose money is not in the total.
 */
export const LatePreviewDto = z
  .object({
    accepted: z.number().int(),
    heldBack: z.number().int(),
    results: z.array(UsageResultDto),
    lines: z.array(LatePreviewLineDto),
    invoicesChanged: z.number().int(),
    totals: z.array(z.object({ currency: z.string(), amountMinor: z.number().int() })),
    summary: z.string(),
  })
  .meta({ id: "LatePreview" });
export type LatePreviewDto = z.infer<typeof LatePreviewDto>;

export const adjustmentStates = [
  "settled",
  "pending",
  "sending",
  "sent",
  "invoiced",
  "review",
  "waived",
] as const;

export const AdjustmentQuery = PageQuery.extend({
  accountId: AccountId.optional(),
  state: z.enum(adjustmentStates).optional(),
});
export type AdjustmentQuery = z.infer<typeof AdjustmentQuery>;

/**
 * What a closed period's total held beyond what was billed of it: the part from `fromQuantity` to `toQuantity`, priced by
 * that period's plan. Below zero it is a credit. `settled` costs nothing; `sent` waits for the subscription's next invoice;
 * `review` waits for an operator.
 */
export const AdjustmentDto = z
  .object({
    id: z.string(),
    accountId: z.string(),
    metric: z.string(),
    period: PeriodDto,
    fromQuantity: z.number().int(),
    toQuantity: z.number().int(),
    amountMinor: z.number().int(),
    currency: z.string(),
    reason: z.enum(["late", "remainder", "allowance"]),
    state: z.enum(adjustmentStates),
    invoiceId: z.string().nullable(),
    lastError: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "UsageAdjustment" });
export type AdjustmentDto = z.infer<typeof AdjustmentDto>;
