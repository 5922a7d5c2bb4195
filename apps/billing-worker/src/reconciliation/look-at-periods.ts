import { type Db, reconciliationFigures, type ReconciliationRow, reconciliations } from "@driftlock/db";
import type { Look } from "@driftlock/domain";
import type { LiveUsage } from "@driftlock/redis";
import { type LiveDeps, sampleLive } from "./sample-live.ts";

type Figures = reconciliationFigures.MetricFiguresRow;
type Key = reconciliationFigures.PeriodKey;

/** One metric of a period as it was seen, with what the comparison before left. */
export interface Seen {
  figures: Figures;
  earlier: ReconciliationRow | null;
  look: Look;
}

/** An invoice of a period's usage is made at its end, the period's beginning at the earliest; this much before is far. */
const invoiceReachMs = 24 * 60 * 60 * 1000;

/**
 * Reads every figure of these periods: first what Postgres has, then the live counters, then, when what those counted is
 * committed, the totals once more. Metrics of which there is nothing are left out, as are periods that are no more.
 */
export async function lookAtPeriods(deps: LiveDeps, keys: readonly Key[]): Promise<Seen[]> {
  const { db } = deps;
  const figures = await reconciliationFigures.listFigures(db, keys);
  const accountIds = [...new Set(figures.map(({ accountId }) => accountId))];
  // Without Redis everything else is compared.
  const live = await sampleLive(deps, accountIds).catch(() => new Map<string, LiveUsage>());
  const [totals, uncorrected, earlier, lines] = await Promise.all([
    reconciliationFigures.listTotals(db, keys),
    reconciliationFigures.listUncorrectedAccounts(db, accountIds),
    reconciliations.listOfPeriods(db, keys),
    readLines(db, figures),
  ]);
  const afterByKey = new Map(totals.map((row) => [keyOf(row), row.quantity]));
  const earlierByKey = new Map(earlier.map((row) => [keyOf(row), row]));
  return figures.flatMap((row): Seen[] => {
    const before = earlierByKey.get(keyOf(row)) ?? null;
    const counted = uncorrected.includes(row.accountId) ? null : (live.get(row.accountId) ?? null);
    const look: Look = {
      isClosed: row.closedAt !== null,
      isBilled: row.isBilled,
      isTrial: row.isTrial,
      total: { before: row.totalQuantity, after: afterByKey.get(keyOf(row)) ?? 0 },
      live: counted && liveOf(counted, row),
      stored: before?.stored ?? null,
      windows: { sent: row.sentQuantity, open: row.openQuantity, failed: row.failedQuantity },
      adjusted: row.adjustedQuantity,
      isAdjusting: row.isAdjusting,
      invoiced: invoicedOf(lines, row),
    };
    return before === null && isNothing(look, row) ? [] : [{ figures: row, earlier: before, look }];
  });
}

const keyOf = ({ accountId, periodStart, metric }: Key & { metric: string }): string =>
  `${accountId} ${periodStart.getTime()} ${metric}`;

/** Null where the counters are of other periods: those of before a change, or too old to be counted live. */
function liveOf(live: LiveUsage, { periodStart, periodEnd, metric }: Figures): number | null {
  const startMs = periodStart.getTime();
  const segment = live.limits.segments.find((each) => each.startMs === startMs);
  const isSame = segment?.endMs === periodEnd.getTime() && segment.metrics[metric] !== undefined;
  return isSame ? live.used(startMs, metric) : null;
}

async function readLines(db: Db, figures: readonly Figures[]) {
  const billed = figures.filter(({ isBilled, closedAt }) => isBilled && closedAt !== null);
  if (billed.length === 0) return [];
  const sinceMs = Math.min(...billed.map(({ periodStart }) => periodStart.getTime())) - invoiceReachMs;
  const accountIds = [...new Set(billed.map(({ accountId }) => accountId))];
  return reconciliationFigures.listInvoicedLines(db, accountIds, new Date(sinceMs));
}

/** A line bills the period that begins with it (DESIGN 4.6: both are cut at the same second). */
function invoicedOf(lines: readonly reconciliationFigures.InvoicedLineRow[], row: Figures): Look["invoiced"] {
  const ofPeriod = lines.filter(
    (line) =>
      line.accountId === row.accountId &&
      line.metric === row.metric &&
      line.periodStart.getTime() === row.periodStart.getTime() &&
      (line.stripeSubscriptionId === null || line.stripeSubscriptionId === row.stripeSubscriptionId),
  );
  if (ofPeriod.length === 0) return null;
  const final = ofPeriod.filter(({ isDraft }) => !isDraft);
  return {
    quantity: final.reduce((sum, { quantity }) => sum + quantity, 0),
    isDraft: final.length < ofPeriod.length,
  };
}

const isNothing = ({ total, live, windows, adjusted, invoiced }: Look, row: Figures): boolean =>
  [total.before, total.after, live ?? 0, windows.sent, windows.open, windows.failed, adjusted].every(
    (quantity) => quantity === 0,
  ) &&
  (invoiced?.quantity ?? 0) === 0 &&
  row.setAsideEvents === 0;
