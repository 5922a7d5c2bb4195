import { z } from "zod";
import { AccountId } from "../ids.ts";
import { PeriodDto } from "../period.ts";
import { PageQuery } from "./page.ts";

export const reconciliationStates = ["agrees", "in_flight", "drifted", "repaired"] as const;

const Quantity = z.number().int();

/**
 * The five figures of a metric in a period, in its unit, and what explains them. `accepted`: what was acknowledged, as the
 * live counter has it, and once the period is closed its total; null where no counter is built. `stored`: what the last
 * reading of the records found; null before the first, and of `unique` metrics. `live`: null where none is built.
 * `reported`: what Stripe's meter was told, of it `confirmed` by its summaries; `waiting` and `refused` are not. `adjusted`:
 * late usage, billed apart: of a closed period reported + adjusted = total. `invoiced`: on the lines of final invoices.
 */
export const ReconciledFiguresDto = z
  .object({
    accepted: Quantity.nullable(),
    stored: Quantity.nullable(),
    total: Quantity,
    live: Quantity.nullable(),
    reported: Quantity,
    confirmed: Quantity,
    waiting: Quantity,
    refused: Quantity,
    adjusted: Quantity,
    invoiced: Quantity.nullable(),
    setAsideEvents: z.number().int(),
    isBilled: z.boolean(),
    isClosed: z.boolean(),
  })
  .meta({ id: "ReconciledFigures" });
export type ReconciledFiguresDto = z.infer<typeof ReconciledFiguresDto>;

/** `found` should be `expected`, and has not been since then. */
export const ReconciliationDifferenceDto = z.object({
  kind: z.string(),
  expected: Quantity,
  found: Quantity,
  since: z.iso.datetime(),
});

/** The latest comparison of an account's metric in one period. Instants but the period's are wall time. */
export const ReconciliationDto = z
  .object({
    id: z.string(),
    accountId: AccountId,
    metric: z.string(),
    period: PeriodDto,
    state: z.enum(reconciliationStates),
    since: z.iso.datetime(),
    comparedAt: z.iso.datetime(),
    repairedAt: z.iso.datetime().nullable(),
    figures: ReconciledFiguresDto.nullable(),
    differences: z.array(ReconciliationDifferenceDto),
  })
  .meta({ id: "Reconciliation" });
export type ReconciliationDto = z.infer<typeof ReconciliationDto>;

export const ReconciliationQuery = PageQuery.extend({
  accountId: AccountId.optional(),
  state: z.enum(reconciliationStates).optional(),
});
export type ReconciliationQuery = z.infer<typeof ReconciliationQuery>;

/** An object of Stripe that is not as our mirror or catalogue says. It is fetched again at once; `looks`: how often it was seen so. */
export const MirrorDifferenceDto = z
  .object({
    objectId: z.string(),
    objectType: z.string(),
    accountId: AccountId.nullable(),
    difference: z.string(),
    looks: z.number().int(),
    since: z.iso.datetime(),
    seenAt: z.iso.datetime(),
  })
  .meta({ id: "MirrorDifference" });
export type MirrorDifferenceDto = z.infer<typeof MirrorDifferenceDto>;

export const RepairBody = z.object({ preview: z.boolean().default(false) });
export type RepairBody = z.infer<typeof RepairBody>;

/**
 * - `recount-total`: the total is made anew from its records, under the account's lock.
 * - `rebuild-counter`: the live counter is forgotten, and built from the total and the stream before the next decision.
 * - `freeze-window`: what the total holds beyond its windows becomes one, `object`, which goes to Stripe's meter.
 * - `adjust`: what the closed period's total holds beyond what Stripe was told is billed apart, by the metric's policy for
 *   late usage; `amountMinor` is what it changes.
 * - `fetch-invoice`: the invoice `object` is fetched from Stripe again.
 */
export const repairKinds = [
  "recount-total",
  "rebuild-counter",
  "freeze-window",
  "adjust",
  "fetch-invoice",
] as const;

export const RepairStepDto = z
  .object({
    kind: z.enum(repairKinds),
    metric: z.string(),
    from: Quantity.nullable(),
    to: Quantity.nullable(),
    object: z.string().nullable(),
    amountMinor: z.number().int().nullable(),
  })
  .meta({ id: "RepairStep" });
export type RepairStepDto = z.infer<typeof RepairStepDto>;

/** What a repair does, or with `isPreview` would do; `left`: what it cannot mend, and who can. */
export const RepairDto = z
  .object({
    id: z.string(),
    isPreview: z.boolean(),
    steps: z.array(RepairStepDto),
    left: z.array(z.object({ kind: z.string(), reason: z.string() })),
  })
  .meta({ id: "Repair" });
export type RepairDto = z.infer<typeof RepairDto>;
