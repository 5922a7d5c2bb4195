import { z } from "zod";
import { AccountId } from "../ids.ts";
import { PageQuery } from "./page.ts";

/**
 * Why nobody but a person can tell whether Stripe has a report:
 * - `unanswered`: it was sent 23 hours ago or more, its answer never came, and Stripe's total fits neither way.
 * - `not-found`: Stripe took it, and after four looks its total lacks something that several reports explain, or none.
 * - `not-resent`: it failed and was released, and Stripe's total fits neither with it nor without it.
 */
export const doubtStates = ["unanswered", "not-found", "not-resent"] as const;
export type DoubtState = (typeof doubtStates)[number];

/** What a person says of a report in doubt: Stripe has it, or has it not. */
export const reportDecisions = ["at-stripe", "missing"] as const;
export type ReportDecision = (typeof reportDecisions)[number];

export const DoubtQuery = PageQuery.extend({
  accountId: AccountId.optional(),
  state: z.enum(doubtStates).optional(),
});
export type DoubtQuery = z.infer<typeof DoubtQuery>;

const Quantity = z.number().int();

/**
 * One window of a period's running total, from `fromQuantity` to `toQuantity` in the metric's unit. Instants are business
 * time; `eventAt` is the one that Stripe was told. `comparisons`: how often it was looked for in Stripe's summaries.
 * `isPeriodClosed`: what Stripe lacks of it is billed apart (ADR 0019), and telling Stripe changes no invoice.
 */
export const DoubtedReportDto = z
  .object({
    identifier: z.string(),
    accountId: z.string(),
    metric: z.string(),
    periodStart: z.iso.datetime(),
    isPeriodClosed: z.boolean(),
    fromQuantity: Quantity,
    toQuantity: Quantity,
    eventAt: z.iso.datetime(),
    firstSentAt: z.iso.datetime().nullable(),
    sentAt: z.iso.datetime().nullable(),
    comparisons: z.number().int(),
    lastError: z.string().nullable(),
    doubtedAt: z.iso.datetime(),
  })
  .meta({ id: "DoubtedReport" });
export type DoubtedReportDto = z.infer<typeof DoubtedReportDto>;

/**
 * Both sides over `[from, until)`, whole minutes. `reported`: what our ledger takes for arrived. `atStripe`: what Stripe has
 * summed up just now; null where it could not be asked.
 */
const FiguresDto = z.object({
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  reported: Quantity,
  atStripe: Quantity.nullable(),
});

/** How many windows of a lane a list shows, the first by the instants they carry; `windowCount` counts all. */
export const doubtedWindowsMax = 100;

/** The reports of one customer and meter that are in doubt for one reason, and the figures of the minutes that hold them. */
export const DoubtedLaneDto = z
  .object({
    stripeCustomerId: z.string(),
    meterEventName: z.string(),
    state: z.enum(doubtStates),
    since: z.iso.datetime(),
    figures: FiguresDto,
    windowCount: z.number().int(),
    windows: z.array(DoubtedReportDto),
  })
  .meta({ id: "DoubtedLane" });
export type DoubtedLaneDto = z.infer<typeof DoubtedLaneDto>;

export const DecideReportBody = z.object({ preview: z.boolean().default(false) });
export type DecideReportBody = z.infer<typeof DecideReportBody>;

/**
 * - `confirmed`: it counts as arrived, and nothing is sent.
 * - `send-again`: it is sent under a new identifier.
 * - `arrived`: Stripe's total holds it exactly, so it counts as sent, whatever was decided.
 * - `unexplained`: Stripe's total would pass what was reported, so nothing is sent, and it comes back to be decided.
 * - `unknown`: Stripe cannot be asked now; the aggregator asks before it sends anything.
 */
export const decisionOutcomes = ["confirmed", "send-again", "arrived", "unexplained", "unknown"] as const;

/**
 * What a decision does, or with `isPreview` would do. `figures` are those of the report's own minute, `reported` with the
 * decision made.
 */
export const ReportDecisionDto = z
  .object({
    identifier: z.string(),
    decision: z.enum(reportDecisions),
    isPreview: z.boolean(),
    outcome: z.enum(decisionOutcomes),
    figures: FiguresDto,
    summary: z.string(),
  })
  .meta({ id: "ReportDecision" });
export type ReportDecisionDto = z.infer<typeof ReportDecisionDto>;
