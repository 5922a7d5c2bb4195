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
    /** Of `amountMinor`. */
    currency: z.string().nullable(),
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

/** Names what is signed and how (ADR 0022); another form gets another name. */
export const reconciliationReportScheme = "driftlock.reconciliation.v1";
export const reportRowsMax = 1_000;

/** Periods that ended in `[from, to)`. */
export const ReconciliationReportQuery = z.object({
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  accountId: AccountId.optional(),
  limit: z.coerce.number().int().min(1).max(reportRowsMax).default(reportRowsMax),
  cursor: z.string().min(1).max(512).optional(),
});
export type ReconciliationReportQuery = z.infer<typeof ReconciliationReportQuery>;

/**
 * `signature.value` (base64) is Ed25519 over the UTF-8 bytes of `payload` as canonical JSON (RFC 8785), by the key of
 * `GET /billing/report-keys` with this id. A next page begins with `payload.nextCursor`, and names it as its `cursor`.
 */
export const ReconciliationReportDto = z
  .object({
    payload: z.object({
      scheme: z.literal(reconciliationReportScheme),
      installation: z.object({ mode: z.string(), stripeAccountId: z.string().nullable() }),
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      accountId: z.string().nullable(),
      madeAt: z.iso.datetime(),
      cursor: z.string().nullable(),
      nextCursor: z.string().nullable(),
      rows: z.array(ReconciliationDto),
    }),
    signature: z.object({ algorithm: z.literal("Ed25519"), keyId: z.string(), value: z.string() }),
  })
  .meta({ id: "ReconciliationReport" });
export type ReconciliationReportDto = z.infer<typeof ReconciliationReportDto>;

/** A public key in PEM (SPKI). */
export const ReportKeyDto = z
  .object({
    id: z.string(),
    algorithm: z.literal("Ed25519"),
    publicKey: z.string(),
    isCurrent: z.boolean(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "ReportKey" });
export type ReportKeyDto = z.infer<typeof ReportKeyDto>;

/** Those that sign no more stay, for what they signed. */
export const ReportKeysDto = z.object({ keys: z.array(ReportKeyDto) }).meta({ id: "ReportKeys" });
export type ReportKeysDto = z.infer<typeof ReportKeysDto>;
