export interface OveragePrice {
  /** What the plan's price holds already. */
  readonly includedQuantity: number;
  /** Minor units for each `perUnits` beyond it, by the unit. */
  readonly amountMinor: number;
  readonly perUnits: number;
}

/**
 * The overage of a period in minor units: Stripe's graduated tiers with the first one free, by the unit, the line
 * rounded once, halves up. Exact over the whole range of quantities.
 */
export function overageAmountMinor(usedQuantity: number, price: OveragePrice): number {
  const over = BigInt(Math.max(0, usedQuantity - price.includedQuantity));
  const perUnits = BigInt(price.perUnits);
  const amount = (2n * over * BigInt(price.amountMinor) + perUnits) / (2n * perUnits);
  return Number(amount);
}
