import { z } from "zod";
import { MetricName } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { quantityMax } from "../usage.ts";
import { AccountChoice } from "./account-choice.ts";

export const alertThresholdsMax = 10;
const percentMax = 1_000;

/** A part of what the plan includes, or a quantity of the period. */
export const AlertThreshold = z.union([
  z.strictObject({ percent: z.number().int().min(1).max(percentMax) }),
  z.strictObject({ quantity: z.number().int().min(1).max(quantityMax) }),
]);
export type AlertThreshold = z.infer<typeof AlertThreshold>;

const isWithoutRepeat = (values: readonly unknown[]) =>
  new Set(values.map((value) => JSON.stringify(value))).size === values.length;

/** The whole set: a metric that is not in it has the defaults; one without thresholds is not told of. */
export const AlertsBody = z.strictObject({
  ...AccountChoice.shape,
  metrics: z
    .array(
      z.strictObject({
        metric: MetricName,
        thresholds: z
          .array(AlertThreshold)
          .max(alertThresholdsMax)
          .refine(isWithoutRepeat, "must not name a threshold twice"),
      }),
    )
    .max(1_000)
    .refine(
      (metrics) => isWithoutRepeat(metrics.map(({ metric }) => metric)),
      "must not name a metric twice",
    ),
});
export type AlertsBody = z.infer<typeof AlertsBody>;

const reached = {
  /** The quantity of the period from which on it is told; null where the plan includes no end of it. */
  reachedFrom: z.number().int().nullable(),
  /** When it was told in this period. */
  firedAt: z.iso.datetime().nullable(),
};

/** What an account is told of in its present period. */
export const AlertsDto = z
  .object({
    period: PeriodDto,
    metrics: z.array(
      z.object({
        metric: z.string(),
        isDefault: z.boolean(),
        thresholds: z.array(
          z.object({
            percent: z.number().int().optional(),
            quantity: z.number().int().optional(),
            ...reached,
          }),
        ),
      }),
    ),
    /** Always told: what part of the spend cap a metric that is billed has cost. Empty without a cap. */
    spendCap: z.array(z.object({ metric: z.string(), percent: z.number().int(), ...reached })),
  })
  .meta({ id: "Alerts" });
export type AlertsDto = z.infer<typeof AlertsDto>;
