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
