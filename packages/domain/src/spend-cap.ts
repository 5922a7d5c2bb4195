import { quantityMax } from "@driftlock/contracts";
import type { OveragePrice } from "./price.ts";

/**
 * The largest quantity of a period whose overage (`overageAmountMinor`: the line rounded once, halves up) is at most
 * `capMinor`: one more would cost more. Null where no quantity costs that much. The cap is of one period and one metric.
 */
export function quantityWithinCap(price: OveragePrice, capMinor: number): number | null {
  if (price.amountMinor === 0) return null;
  // floor((2 · over · amount + per) / (2 · per)) ≤ cap, solved for over.
  const over =
    (BigInt(price.perUnits) * (2n * BigInt(capMinor) + 1n) - 1n) / (2n * BigInt(price.amountMinor));
  const quantity = BigInt(price.includedQuantity) + over;
  return quantity > BigInt(quantityMax) ? null : Number(quantity);
}
