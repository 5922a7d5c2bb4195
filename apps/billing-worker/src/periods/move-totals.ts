import { type Transaction, usagePeriodsWrite } from "@driftlock/db";
import { earlierFreeParts, type TiledPeriod } from "@driftlock/domain";
import type { TilesChange } from "./compare-tiles.ts";

interface Move {
  accountId: string;
  freeAnchorAt: Date;
  rows: readonly TiledPeriod[];
  wanted: readonly TiledPeriod[];
  change: TilesChange;
}

/**
 * Lets totals follow their events into the rows they belong to now. Free's counter goes on after a paid time (DESIGN
 * 4.6): a part of a Free cycle starts with what the earlier parts of the same cycle used.
 */
export async function moveTotals(
  tx: Transaction,
  { accountId, freeAnchorAt, rows, wanted, change }: Move,
): Promise<void> {
  const { movedFrom, changed, removed } = change;
  if (movedFrom === null) return;
  const known = new Set(rows.map((row) => row.start.getTime()));
  const carrying = changed.filter(
    (tile) => !known.has(tile.start.getTime()) && earlierFreeParts(tile, wanted, freeAnchorAt).length > 0,
  );
  // Most cuts are heard of within a second: no stored event has to move, and no record is read.
  const isAnyMoved = await usagePeriodsWrite.hasUsageSince(tx, accountId, movedFrom);
  const targets = isAnyMoved
    ? changed.filter((tile) => tile.end > movedFrom || known.has(tile.start.getTime()))
    : carrying;
  await usagePeriodsWrite.deleteTotals(
    tx,
    accountId,
    [...removed, ...targets].map((tile) => tile.start),
  );
  const spans = targets.flatMap((tile) =>
    [...earlierFreeParts(tile, wanted, freeAnchorAt), tile].map((part) => ({
      periodStart: tile.start,
      from: part.start,
      until: part.end,
    })),
  );
  if (spans.length > 0) await usagePeriodsWrite.insertTotalsFromRecords(tx, accountId, spans);
}
