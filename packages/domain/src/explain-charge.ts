import { overageAmountMinor, type OveragePrice } from "./price.ts";

/** One tier of a graduated price; `upTo` null has no end. `amountMinor` is for each `perUnits`. */
export interface ChargedTier {
  from: number;
  upTo: number | null;
  units: number;
  amountMinor: number;
  perUnits: number;
}

/** How an amount came about: the units of each tier, the exact sum as a fraction of minor units, and what it rounds to. */
export interface ExplainedCharge {
  tiers: ChargedTier[];
  unroundedMinor: string;
  amountMinor: number;
}

/** The arithmetic of a metered line, as `overageAmountMinor` and Stripe's graduated tiers do it. */
export function explainCharge(quantity: number, price: OveragePrice): ExplainedCharge {
  const { includedQuantity, amountMinor, perUnits } = price;
  const over = Math.max(0, quantity - includedQuantity);
  const included = { from: 0, upTo: includedQuantity, units: quantity - over, amountMinor: 0, perUnits: 1 };
  const beyond = { from: includedQuantity, upTo: null, units: over, amountMinor, perUnits };
  return {
    tiers: includedQuantity === 0 ? [beyond] : [included, beyond],
    unroundedMinor: `${BigInt(over) * BigInt(amountMinor)}/${perUnits}`,
    amountMinor: overageAmountMinor(quantity, price),
  };
}
