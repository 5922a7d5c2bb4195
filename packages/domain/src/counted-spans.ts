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
