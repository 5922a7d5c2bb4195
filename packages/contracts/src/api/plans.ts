import { z } from "zod";
import { PlanId } from "../ids.ts";

/** One plan as it is sold today. `limits` by metric, null being unlimited; `overage` is what is billed past them. */
export const PlanDto = z
  .object({
    id: PlanId,
    version: z.number().int(),
    name: z.string(),
    price: z.object({
      amountMinor: z.number().int(),
      currency: z.string(),
      interval: z.enum(["month", "year"]),
    }),
    features: z.array(z.string()),
    limits: z.record(z.string(), z.number().int().nullable()),
    retentionDays: z.number().int(),
    support: z.string(),
    overage: z.array(
      z.object({
        metric: z.string(),
        amountMinor: z.number().int(),
        perUnits: z.number().int(),
        currency: z.string(),
      }),
    ),
  })
  .meta({ id: "Plan" });
export type PlanDto = z.infer<typeof PlanDto>;

export const PlansDto = z.object({ plans: z.array(PlanDto) });
export type PlansDto = z.infer<typeof PlansDto>;
