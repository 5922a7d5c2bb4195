import { z } from "zod";
import { PeriodDto } from "../period.ts";
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
