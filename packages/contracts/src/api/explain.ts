import { z } from "zod";
import { AccountId, MetricName, PlanId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { eventIdCodePointsMax } from "../usage.ts";
import { usageDigestScheme } from "../usage-digest.ts";
import { PageQuery } from "./page.ts";

/** The events of a period as one figure that their producer can compute too (ADR 0023). */
export const UsageDigestDto = z
  .object({
    scheme: z.literal(usageDigestScheme),
    version: z.number().int(),
    digest: z.string(),
    eventCount: z.number().int(),
    quantity: z.number().int(),
    computedAt: z.iso.datetime(),
  })
  .meta({ id: "UsageDigest" });
export type UsageDigestDto = z.infer<typeof UsageDigestDto>;

/** One window of a running total as it went to Stripe's meter: `toQuantity − fromQuantity`, under `identifier`. */
export const UsageReportDto = z
  .object({
    identifier: z.string(),
    periodStart: z.iso.datetime(),
    fromQuantity: z.number().int(),
    toQuantity: z.number().int(),
    state: z.string(),
    eventAt: z.iso.datetime(),
    frozenAt: z.iso.datetime(),
    sentAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "UsageReport" });
export type UsageReportDto = z.infer<typeof UsageReportDto>;

/** What a part's total holds beyond what its line bills: late usage, billed apart (ADR 0019), on `invoiceId` once it is. */
export const ExplainedAdjustmentDto = z
  .object({
    id: z.string(),
    fromQuantity: z.number().int(),
    toQuantity: z.number().int(),
    amountMinor: z.number().int(),
    reason: z.string(),
    state: z.string(),
    invoiceId: z.string().nullable(),
  })
  .meta({ id: "ExplainedAdjustment" });

/**
 * A part of the account's time that a line bills: its total, what of it Stripe was told, what was billed apart, and the
 * digest of its events (null until it is closed and read, and where records are no longer kept).
 */
export const ExplainedSegmentDto = z
  .object({
    period: PeriodDto,
    planId: PlanId,
    planVersion: z.number().int(),
    closedAt: z.iso.datetime().nullable(),
    total: z.object({ quantity: z.number().int(), eventCount: z.number().int() }),
    reported: z.object({ quantity: z.number().int(), windows: z.number().int() }),
    adjustments: z.array(ExplainedAdjustmentDto),
    digest: UsageDigestDto.nullable(),
  })
  .meta({ id: "ExplainedSegment" });
export type ExplainedSegmentDto = z.infer<typeof ExplainedSegmentDto>;

/**
 * The line's arithmetic: units of each tier, their sum in minor units as a fraction, and that rounded once, halves up.
 * `isAsInvoiced` compares it with the line's own amount.
 */
export const ExplainedChargeDto = z
  .object({
    includedQuantity: z.number().int(),
    tiers: z.array(
      z.object({
        from: z.number().int(),
        upTo: z.number().int().nullable(),
        units: z.number().int(),
        amountMinor: z.number().int(),
        perUnits: z.number().int(),
      }),
    ),
    unroundedMinor: z.string(),
    amountMinor: z.number().int(),
    isAsInvoiced: z.boolean(),
  })
  .meta({ id: "ExplainedCharge" });
export type ExplainedChargeDto = z.infer<typeof ExplainedChargeDto>;

/**
 * What an invoice bills of one metric over one period. Stripe shows each tier of a graduated price as a line of its own:
 * `parts` are those lines, `quantity` and `amountMinor` their sums. `charge` is null where the price is none of the
 * catalogue's any more.
 */
export const ExplainedLineDto = z
  .object({
    metric: z.string(),
    quantity: z.number(),
    amountMinor: z.number().int(),
    period: PeriodDto,
    parts: z.array(
      z.object({
        lineId: z.string(),
        description: z.string().nullable(),
        quantity: z.number().nullable(),
        amountMinor: z.number().int(),
      }),
    ),
    charge: ExplainedChargeDto.nullable(),
    segments: z.array(ExplainedSegmentDto),
  })
  .meta({ id: "ExplainedLine" });
export type ExplainedLineDto = z.infer<typeof ExplainedLineDto>;

export const ExplainedInvoiceDto = z
  .object({
    invoiceId: z.string(),
    accountId: AccountId,
    status: z.string(),
    currency: z.string(),
    lines: z.array(ExplainedLineDto),
  })
  .meta({ id: "ExplainedInvoice" });
export type ExplainedInvoiceDto = z.infer<typeof ExplainedInvoiceDto>;

/** What is behind the lines of one metric. */
export const ExplainPageQuery = PageQuery.extend({ metric: MetricName });
export type ExplainPageQuery = z.infer<typeof ExplainPageQuery>;

/** `isLate`: it came after the period's close, and is billed by an adjustment, not by the line. */
export const ExplainedEventDto = z
  .object({
    id: z.string(),
    quantity: z.number().int(),
    timestamp: z.iso.datetime(),
    receivedAt: z.iso.datetime(),
    isLate: z.boolean(),
  })
  .meta({ id: "ExplainedEvent" });
export type ExplainedEventDto = z.infer<typeof ExplainedEventDto>;

export const EventIdParams = z.object({
  eventId: z
    .string()
    .min(1)
    .max(eventIdCodePointsMax * 2),
});

/**
 * - `free-plan`, `not-billed-by-plan`: the plan of its period has no price for the metric.
 * - `trial`: its period is one, of which nothing is billed.
 * - `not-yet-invoiced`: its period is billed, and no final invoice holds it so far.
 * - `within-included-quantity`: it is on its invoice's line, and all of the line's quantity was free.
 * - `invoiced`: it is on its invoice's line, which costs something.
 * - `carried`: it came after its period was closed, and is in `adjustment` or will be.
 */
export const eventBillings = [
  "free-plan",
  "not-billed-by-plan",
  "trial",
  "not-yet-invoiced",
  "within-included-quantity",
  "invoiced",
  "carried",
] as const;
export type EventBilling = (typeof eventBillings)[number];

/**
 * Where an event went. `record`: as it counts, with the period that holds it and what became of it; null where it was
 * only ever set aside. `setAside`: what arrived under its id and was not counted, with the reason.
 */
export const EventTraceDto = z
  .object({
    accountId: AccountId,
    id: z.string(),
    record: z
      .object({
        metric: z.string(),
        quantity: z.number().int(),
        timestamp: z.iso.datetime(),
        receivedAt: z.iso.datetime(),
        period: PeriodDto,
        planId: PlanId,
        billing: z.enum(eventBillings),
        invoiceId: z.string().nullable(),
        lineIds: z.array(z.string()),
        adjustment: ExplainedAdjustmentDto.nullable(),
      })
      .nullable(),
    setAside: z.array(
      z.object({
        metric: z.string().nullable(),
        reason: z.string(),
        detail: z.string(),
        receivedAt: z.iso.datetime().nullable(),
        setAsideAt: z.iso.datetime(),
        replayedAt: z.iso.datetime().nullable(),
      }),
    ),
  })
  .meta({ id: "EventTrace" });
export type EventTraceDto = z.infer<typeof EventTraceDto>;
