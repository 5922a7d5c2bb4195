import { eventAheadMaxMs } from "@driftlock/contracts";
import { cycleIndexAt } from "./cycle.ts";
import type { TiledPeriod } from "./period-tiling.ts";

type Tile = Pick<TiledPeriod, "start" | "end" | "stripeSubscriptionId">;

/**
 * The earlier rows on Free within the same Free cycle, among `tiles`: what was used in them counts on (DESIGN 4.6). None
 * for a paid row.
 */
export function earlierFreeParts<T extends Tile>(tile: Tile, tiles: readonly T[], freeAnchorAt: Date): T[] {
  if (tile.stripeSubscriptionId !== null) return [];
  const cycle = cycleIndexAt(freeAnchorAt, tile.start);
  return tiles.filter(
    (each) =>
      each.stripeSubscriptionId === null &&
      each.start < tile.start &&
      cycleIndexAt(freeAnchorAt, each.start) === cycle,
  );
}

/** What a row's totals are made of: its own time, and of Free the earlier parts of the same cycle. Half open. */
export const countedSpans = <T extends Tile>(
  tile: Tile,
  tiles: readonly T[],
  freeAnchorAt: Date,
): { from: Date; until: Date }[] =>
  [...earlierFreeParts(tile, tiles, freeAnchorAt), tile].map(({ start, end }) => ({
    from: start,
    until: end,
  }));

/**
 * Whether no record of these spans was dropped, where records that were received since `keptSince` are there (null: none
 * was ever dropped). A record is received five minutes before its timestamp at the earliest.
 */
export const areRecordsKept = (spans: readonly { from: Date }[], keptSince: Date | null): boolean =>
  keptSince === null || spans.every(({ from }) => keptSince.getTime() <= from.getTime() - eventAheadMaxMs);

/** How far before a row the tiles have to reach that its spans are among: a whole Free cycle. */
export const countedReachMs = 32 * 24 * 60 * 60 * 1000;
