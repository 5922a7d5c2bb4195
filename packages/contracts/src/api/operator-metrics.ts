import { z } from "zod";
import { MetricName } from "../ids.ts";
import { aggregations, latePolicies } from "../plan.ts";

const Name = z.string().min(1).max(100);
const Property = z.string().min(1).max(100);
/** Properties that the metric's series can be grouped by. */
const GroupByKeys = z
  .array(Property)
  .max(10)
  .refine((keys) => new Set(keys).size === keys.length, "each key once");
const LatePolicy = z.enum(latePolicies);

/**
 * A metric that events can be sent for; what it costs is a matter of plans. `uniqueProperty` belongs to a `unique` one: the
 * property whose values it counts.
 */
export const CreateMetricBody = z
  .strictObject({
    metric: MetricName,
    name: Name,
    aggregation: z.enum(aggregations),
    uniqueProperty: Property.optional(),
    /** In the singular. */
    unit: z.string().min(1).max(40),
    groupByKeys: GroupByKeys.default([]),
    latePolicy: LatePolicy.default("carry-as-adjustment"),
  })
  .refine(
    ({ aggregation, uniqueProperty }) => (aggregation === "unique") === (uniqueProperty !== undefined),
    {
      path: ["uniqueProperty"],
      message: "is given with the aggregation unique, and with no other",
    },
  );
export type CreateMetricBody = z.infer<typeof CreateMetricBody>;

/** What of a metric can change: how it counts cannot, since it was counted so. */
export const UpdateMetricBody = z
  .strictObject({ name: Name, groupByKeys: GroupByKeys, latePolicy: LatePolicy })
  .partial()
  .refine((body) => Object.keys(body).length > 0, "says nothing to change");
export type UpdateMetricBody = z.infer<typeof UpdateMetricBody>;

export const MetricDto = z
  .object({
    metric: z.string(),
    name: z.string(),
    aggregation: z.enum(aggregations),
    uniqueProperty: z.string().nullable(),
    unit: z.string(),
    groupByKeys: z.array(z.string()),
    latePolicy: LatePolicy,
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Metric" });
export type MetricDto = z.infer<typeof MetricDto>;
