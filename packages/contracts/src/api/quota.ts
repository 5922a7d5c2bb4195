import { z } from "zod";
import { quantityMax } from "../usage.ts";
import { AccountChoice } from "./account-choice.ts";

export const quotaItemsMax = 100;

/** Asks for several quantities at once: all or none. `consume` records them as events, so each needs its id. */
export const QuotaCheckBody = z
  .strictObject({
    ...AccountChoice.shape,
    items: z
      .array(
        z.strictObject({
          metric: z.string(),
          quantity: z.number().int().min(0).max(quantityMax).default(1),
          id: z.string().optional(),
        }),
      )
      .min(1)
      .max(quotaItemsMax),
    consume: z.boolean().default(false),
  })
  .refine((body) => !body.consume || body.items.every((item) => item.id !== undefined), {
    error: "each item needs an id when consume is true, so that a repeat is safe",
    path: ["items"],
  });
export type QuotaCheckBody = z.infer<typeof QuotaCheckBody>;

/** `used` is what is counted after the call; `code` says why an item is not allowed. */
export const QuotaItemDto = z
  .object({
    metric: z.string(),
    allowed: z.boolean(),
    limit: z.number().int().nullable(),
    used: z.number().int(),
    remaining: z.number().int().nullable(),
    resetsAt: z.iso.datetime(),
    code: z
      .enum(["QUOTA_EXCEEDED", "UNKNOWN_METRIC", "EVENT_CONFLICT", "PERIOD_CLOSED", "INVALID_EVENT"])
      .optional(),
  })
  .meta({ id: "QuotaItem" });
export type QuotaItemDto = z.infer<typeof QuotaItemDto>;

export const QuotaCheckDto = z
  .object({ allowed: z.boolean(), items: z.array(QuotaItemDto) })
  .meta({ id: "QuotaCheck" });
export type QuotaCheckDto = z.infer<typeof QuotaCheckDto>;
