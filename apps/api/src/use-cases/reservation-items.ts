import { AppError, quantityMax } from "@driftlock/contracts";
import type { ReservationItem, ReservationRow } from "@driftlock/db";
import { invalid } from "./reservation-faults.ts";

/** One item for each metric, in the order of names: what tells a repeat from another wish. */
export function mergeItems(items: readonly ReservationItem[]): ReservationItem[] {
  const quantities = new Map<string, number>();
  for (const { metric, quantity } of items) quantities.set(metric, (quantities.get(metric) ?? 0) + quantity);
  const merged = [...quantities].map(([metric, quantity]) => ({ metric, quantity }));
  const tooLarge = merged.find(({ quantity }) => quantity > quantityMax);
  if (tooLarge) throw invalid("body.items", `${tooLarge.metric} adds up to more than ${quantityMax}`);
  return merged.sort((one, other) => (one.metric < other.metric ? -1 : 1));
}

/** What is committed of each metric that is held: what was said of it, 0 where nothing was, all where nothing was said. */
export function usedOf(
  row: ReservationRow,
  items: readonly ReservationItem[] | undefined,
): ReservationItem[] {
  if (items === undefined) return row.items;
  const said = new Map(mergeItems(items).map(({ metric, quantity }) => [metric, quantity]));
  const used = row.items.map(({ metric }) => ({ metric, quantity: said.get(metric) ?? 0 }));
  for (const [metric, quantity] of said) {
    const held = row.items.find((item) => item.metric === metric)?.quantity ?? 0;
    if (quantity > held) throw invalid("body.items", `${metric}: ${quantity} is more than the ${held} held`);
  }
  return used;
}

export const isSame = (one: readonly ReservationItem[], other: readonly ReservationItem[]): boolean =>
  one.length === other.length &&
  one.every((item, index) => {
    const { metric, quantity } = other[index] ?? {};
    return item.metric === metric && item.quantity === quantity;
  });

/** Only what adds up can be held. @throws UNKNOWN_METRIC, INVALID. */
export function assertSum(metric: string, aggregation: string | undefined): void {
  if (aggregation === undefined) throw new AppError("UNKNOWN_METRIC", `There is no metric "${metric}".`);
  if (aggregation !== "sum") throw invalid("body.items", `${metric} does not add up: only sums can be held`);
}
