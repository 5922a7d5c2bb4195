import type { RepairStepDto } from "@driftlock/contracts";
import {
  accounts,
  catalog,
  invoices,
  type reconciliationFigures,
  type ReconciliationRow,
  stripeObjects,
  type Transaction,
  usageAdjustmentChecks,
  usageExplanations,
  usagePeriodsWrite,
  usageReadings,
  usageReports,
} from "@driftlock/db";
import {
  areRecordsKept,
  countedReachMs,
  countedSpans,
  freezeWindow,
  overageAmountMinor,
} from "@driftlock/domain";

const metricsMax = 100;

type Step = RepairStepDto;
export type Left = { kind: string; reason: string };

export interface Repairing {
  row: ReconciliationRow;
  /** As they are now, read under the account's lock. */
  figures: reconciliationFigures.MetricFiguresRow;
  /** Business time. */
  now: Date;
  wallNow: Date;
}

const step = (kind: Step["kind"], metric: string, more: Partial<Step>): Step => ({
  kind,
  metric,
  from: null,
  to: null,
  object: null,
  amountMinor: null,
  currency: null,
  ...more,
});

/** Makes the totals of the period anew from its records, of every metric; never where some of them are gone. */
export async function recountTotals(
  tx: Transaction,
  { row: { accountId, periodStart } }: Repairing,
): Promise<Step[] | Left> {
  const account = await accounts.findAccount(tx, accountId);
  const tiles = await usagePeriodsWrite.listTiles(
    tx,
    accountId,
    new Date(periodStart.getTime() - countedReachMs),
  );
  const tile = tiles.find((each) => each.start.getTime() === periodStart.getTime());
  if (account === null || tile === undefined) return { kind: "stored", reason: "The period is no more." };
  const spans = countedSpans(tile, tiles, account.freeAnchorAt);
  if (!areRecordsKept(spans, await usageReadings.findRecordsKeptSince(tx)))
    return { kind: "stored", reason: "Some of its records are no longer kept: the total is all there is." };
  const before = await usageReadings.findPeriodTotals(tx, { accountId, periodStart });
  await usagePeriodsWrite.deleteTotals(tx, accountId, [periodStart]);
  await usagePeriodsWrite.insertTotalsFromRecords(
    tx,
    accountId,
    spans.map((span) => ({ periodStart, ...span })),
  );
  const after = await usageReadings.findPeriodTotals(tx, { accountId, periodStart });
  return Object.keys({ ...before, ...after }).flatMap((metric) => {
    const [from, to] = [before[metric]?.quantity ?? 0, after[metric]?.quantity ?? 0];
    return from === to ? [] : [step("recount-total", metric, { from, to })];
  });
}

/** Freezes what an open period's total holds beyond its windows; the aggregator sends it. */
export async function freezeLeft(
  tx: Transaction,
  { row: { accountId, periodStart, metric }, now }: Repairing,
): Promise<Step[]> {
  const period = { accountId, periodStart };
  const unreported = await usageReports.listUnreported(tx, { period, limit: metricsMax });
  const windows = unreported
    .filter((total) => total.metric === metric)
    .map((total) => freezeWindow(total, now));
  await usageReports.insertReports(tx, windows, now);
  return windows.map(({ identifier, fromQuantity, toQuantity }) =>
    step("freeze-window", metric, { from: fromQuantity, to: toQuantity, object: identifier }),
  );
}

/** Marks a closed period whose total is not what was billed of it; late usage takes it up (ADR 0019). */
export async function markForAdjustment(
  tx: Transaction,
  { row: { accountId, periodStart, metric }, figures, now }: Repairing,
  total: number,
): Promise<Step[]> {
  const of = { accountId, metric, from: periodStart, until: figures.periodEnd };
  const lines = (await usageExplanations.listMeteredLines(tx, of)).filter(
    (each) => each.invoiceStatus !== "draft" && each.periodStart.getTime() === periodStart.getTime(),
  );
  const invoiced = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const billed = (lines.length > 0 ? invoiced : figures.sentQuantity) + figures.adjustedQuantity;
  if (billed === total || figures.isAdjusting) return [];
  await usageAdjustmentChecks.markClosedPeriods(tx, {
    accountIds: [accountId],
    periodStarts: [periodStart],
    now,
  });
  const price = await priceOf(tx, figures);
  const money = price && {
    amountMinor: price.amountOf(total) - price.amountOf(billed),
    currency: price.currency,
  };
  return [step("adjust", metric, { from: billed, to: total, ...money })];
}

async function priceOf(
  tx: Transaction,
  { accountId, periodStart, metric }: reconciliationFigures.MetricFiguresRow,
): Promise<{ currency: string; amountOf: (quantity: number) => number } | null> {
  const segment = await usageExplanations.findSegmentAt(tx, { accountId, metric, at: periodStart });
  const plan = (await catalog.listPlans(tx)).find(
    (each) => each.planId === segment?.planId && each.version === segment.planVersion,
  );
  const limit = plan?.limits.find((each) => each.metric === metric);
  const [includedQuantity, amountMinor, perUnits] = [
    limit?.includedQuantity ?? null,
    limit?.overageAmountMinor ?? null,
    limit?.overagePerUnits ?? null,
  ];
  if (plan === undefined || includedQuantity === null || amountMinor === null || perUnits === null)
    return null;
  const price = { includedQuantity, amountMinor, perUnits };
  return { currency: plan.currency, amountOf: (quantity) => overageAmountMinor(quantity, price) };
}

/** Marks the invoices of the period as changed in Stripe: they are fetched again. */
export async function markInvoices(tx: Transaction, { row, figures, wallNow }: Repairing): Promise<Step[]> {
  const { accountId, metric, periodStart, periodEnd } = row;
  const of = { accountId, metric, from: periodStart, until: periodEnd };
  const found = (await usageExplanations.listMeteredLines(tx, of)).map(({ invoiceId }) => invoiceId);
  const open = (await invoices.listOpenInvoices(tx, accountId))
    .filter((each) => each.stripeSubscriptionId === figures.stripeSubscriptionId)
    .map(({ invoiceId }) => invoiceId);
  const invoiceIds = [...new Set([...found, ...open])].sort();
  for (const objectId of invoiceIds) {
    const object = { objectId, objectType: "invoice", stripeCustomerId: null };
    await stripeObjects.markDirty(tx, { ...object, now: wallNow });
  }
  return invoiceIds.map((object) => step("fetch-invoice", metric, { object }));
}

/** What the live counter becomes: the total, and what waits in the stream. */
export const rebuildStep = (metric: string, from: number | null, to: number): Step =>
  step("rebuild-counter", metric, { from, to });
