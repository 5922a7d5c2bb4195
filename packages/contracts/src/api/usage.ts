import { z } from "zod";
import { MetricName, PlanId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { accessLevels, overagePolicies } from "../plan.ts";
import {
  eventIdCodePointsMax,
  propertiesBytesMax,
  propertiesKeysMax,
  quantityMax,
  usageOutcomes,
} from "../usage.ts";
import { AccountChoice } from "./account-choice.ts";

const Quantity = z.number().int().min(0).max(quantityMax);

/** One usage event as it is sent. The gateway checks it by hand (batches of 10,000): this is its documentation. */
export const UsageEventInput = z
  .strictObject({
    id: z.string().min(1).max(eventIdCodePointsMax),
    metric: MetricName,
    quantity: Quantity.default(1),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    ...AccountChoice.shape,
    properties: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .refine((properties) => Object.keys(properties).length <= propertiesKeysMax)
      .optional(),
  })
  .meta({ id: "UsageEvent" });
export type UsageEventInput = z.input<typeof UsageEventInput>;

/** A single event, or a batch. NDJSON and CloudEvents are told by the content type. */
export const UsageBody = z.union([
  UsageEventInput,
  z.array(UsageEventInput),
  z.strictObject({ events: z.array(UsageEventInput) }),
]);

/** `DUPLICATE` is no error; every other code is one of the error catalogue. */
export const usageResultCodes = {
  duplicate: "DUPLICATE",
  conflict: "EVENT_CONFLICT",
  "quota-exceeded": "QUOTA_EXCEEDED",
  invalid: "INVALID_EVENT",
  "unknown-metric": "UNKNOWN_METRIC",
  "unknown-account": "ACCOUNT_NOT_FOUND",
  "period-closed": "PERIOD_CLOSED",
} as const satisfies Record<(typeof usageOutcomes)[number], string>;

/** An event that was not accepted, by its place in the batch; `id` is null where none could be read. */
export const UsageResultDto = z
  .object({
    index: z.number().int(),
    id: z.string().nullable(),
    outcome: z.enum(usageOutcomes),
    code: z.enum(Object.values(usageResultCodes)),
    detail: z.string(),
  })
  .meta({ id: "UsageResult" });
export type UsageResultDto = z.infer<typeof UsageResultDto>;

/** The answer to a batch, whatever its items are; `results` lists only what was not accepted, in order. */
export const UsageBatchDto = z
  .object({
    accepted: z.number().int(),
    duplicates: z.number().int(),
    rejected: z.number().int(),
    results: z.array(UsageResultDto),
  })
  .meta({ id: "UsageBatch" });
export type UsageBatchDto = z.infer<typeof UsageBatchDto>;

/** The answer to a single event that was accepted, now or before. */
export const UsageReceiptDto = z
  .object({ id: z.string(), outcome: z.enum(["accepted", "duplicate"]), ...UsageBatchDto.shape })
  .meta({ id: "UsageReceipt" });
export type UsageReceiptDto = z.infer<typeof UsageReceiptDto>;

/**
 * Where an account stands with one metric; `limit` and `remaining` are null where it is unlimited. What reservations hold
 * is not used yet, and not part of `remaining` either.
 */
export const MetricUsageDto = z
  .object({
    metric: z.string(),
    used: z.number().int(),
    held: z.number().int(),
    limit: z.number().int().nullable(),
    remaining: z.number().int().nullable(),
    overage: z.number().int(),
    overagePolicy: z.enum(overagePolicies),
    resetsAt: z.iso.datetime(),
  })
  .meta({ id: "MetricUsage" });
export type MetricUsageDto = z.infer<typeof MetricUsageDto>;

export const UsageDto = z
  .object({
    accountId: z.string(),
    planId: PlanId,
    period: PeriodDto,
    metrics: z.array(MetricUsageDto),
  })
  .meta({ id: "Usage" });
export type UsageDto = z.infer<typeof UsageDto>;

export const usageWindows = ["minute", "hour", "day"] as const;
export type UsageWindow = (typeof usageWindows)[number];
export const seriesPointsMax = 2_000;
/** Of a grouped series: groups shown by their value, and points of all of them together. */
export const seriesGroupsMax = 100;
export const seriesGroupPointsMax = 20_000;
/** For how many days a series reaches back, the whole and its groups; null is for ever. */
export const seriesKeptDays = {
  whole: { minute: 35, hour: 400, day: null },
  grouped: { minute: 35, hour: 35, day: 400 },
} as const satisfies Record<string, Record<UsageWindow, number | null>>;

/**
 * A plot of one metric over `[from, to)`, by default the last day (minute, hour) or the last 30 days (day). `groupBy` is
 * a key of `properties` that the metric declares.
 */
export const UsageSeriesQuery = z.object({
  ...AccountChoice.shape,
  metric: MetricName,
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  window: z.enum(usageWindows).default("hour"),
  groupBy: z.string().min(1).max(propertiesBytesMax).optional(),
});
export type UsageSeriesQuery = z.infer<typeof UsageSeriesQuery>;

const SeriesPoints = z.array(
  z.object({ at: z.iso.datetime(), quantity: z.number().int(), count: z.number().int() }),
);

/**
 * The usage of one value of a property. `value`: that value. `none`: events that carry none, or came before the metric
 * declared the key; of a max or a last only those that came after. `other`: what is not shown by its value.
 */
export const UsageSeriesGroupDto = z
  .object({
    kind: z.enum(["value", "none", "other"]),
    value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
    points: SeriesPoints,
  })
  .meta({ id: "UsageSeriesGroup" });
export type UsageSeriesGroupDto = z.infer<typeof UsageSeriesGroupDto>;

/**
 * One point for each window, in order and without gaps; `at` is the window's start in UTC. `points` is the metric as a
 * whole, `groups` (where `groupBy` asks for them) are its parts, the largest first, then `other`, then `none`.
 */
export const UsageSeriesDto = z
  .object({
    accountId: z.string(),
    metric: z.string(),
    window: z.enum(usageWindows),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    points: SeriesPoints,
    groupBy: z.string().optional(),
    groups: z.array(UsageSeriesGroupDto).optional(),
  })
  .meta({ id: "UsageSeries" });
export type UsageSeriesDto = z.infer<typeof UsageSeriesDto>;

/** What the product gates on: every feature of the catalogue by true or false, limits by metric. */
export const EntitlementsDto = z
  .object({
    planId: PlanId,
    features: z.record(z.string(), z.boolean()),
    limits: z.record(z.string(), z.number().int().nullable()),
    access: z.enum(accessLevels),
    retentionDays: z.number().int(),
    support: z.string(),
  })
  .meta({ id: "Entitlements" });
export type EntitlementsDto = z.infer<typeof EntitlementsDto>;
