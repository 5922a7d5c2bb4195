import type { TiledPeriod } from "@driftlock/domain";

export interface TilesChange {
  /** As they should be: new, or other than the row that begins at the same instant. */
  changed: TiledPeriod[];
  /** Rows with no counterpart. */
  removed: TiledPeriod[];
  /** The earliest instant whose events may belong to another row now; null where every instant kept its row. */
  movedFrom: Date | null;
}

/** What differs between the rows that are and the rows that should be. */
export function compareTiles(rows: readonly TiledPeriod[], wanted: readonly TiledPeriod[]): TilesChange {
  const before = new Map(rows.map((row) => [row.start.getTime(), row]));
  const after = new Set(wanted.map((tile) => tile.start.getTime()));
  const changed = wanted.filter((tile) => !isSame(tile, before.get(tile.start.getTime())));
  const removed = rows.filter((row) => !after.has(row.start.getTime()));
  const moved = [
    ...removed.map((row) => row.start),
    ...changed.flatMap((tile) => {
      const row = before.get(tile.start.getTime());
      if (row === undefined) return [tile.start];
      return row.end.getTime() === tile.end.getTime() ? [] : [row.end < tile.end ? row.end : tile.end];
    }),
  ];
  return { changed, removed, movedFrom: moved.length === 0 ? null : moved.reduce((a, b) => (a < b ? a : b)) };
}

const isSame = (tile: TiledPeriod, row: TiledPeriod | undefined): boolean =>
  row !== undefined &&
  row.end.getTime() === tile.end.getTime() &&
  row.planId === tile.planId &&
  row.planVersion === tile.planVersion &&
  row.stripeSubscriptionId === tile.stripeSubscriptionId &&
  row.billingStart?.getTime() === tile.billingStart?.getTime();
