import { z } from "zod";

/** DESIGN 2.3: account ids are ours, not Stripe's. */
export const AccountId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "an account id has 1 to 64 letters, digits, '_' or '-'");
export type AccountId = z.infer<typeof AccountId>;

export const planIds = ["free", "pro", "business"] as const;
export const PlanId = z.enum(planIds);
export type PlanId = z.infer<typeof PlanId>;

export const MetricName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "a metric is lower snake_case");
export type MetricName = z.infer<typeof MetricName>;
