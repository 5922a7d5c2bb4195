import { type Decimal, decimalOf, divideWhole, multiplyToMinor, parseDecimal } from "./decimal.ts";

/** What pricing needs of a Stripe price, decimals as strings. */
export interface PriceTerms {
  billing_scheme: string;
  tiers_mode: string | null;
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  tiers?: TierTerms[];
  transform_quantity?: { divide_by: number; round: string } | null;
}

export interface TierTerms {
  up_to: number | null;
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  flat_amount: number | null;
  flat_amount_decimal: string | null;
}

/** One line's worth of a price: the amount is in minor units, rounded once. */
export interface PricedPart {
  quantity: Decimal;
  unitAmountDecimal: string;
  amountMinor: number;
  /** 1-based; null where the price has no tiers. */
  tier: number | null;
  /** True for the flat fee of a tier, which is a line of its own. */
  flat: boolean;
}

/**
 * Prices a quantity the way Stripe draws invoice lines: one line for a plain or a volume price, one for each reached
 * tier of a graduated price, flat fees apart. Negative totals count as 0.
 */
export function priceUsage(price: PriceTerms, quantity: Decimal): PricedPart[] {
  const used = quantity < 0n ? 0n : quantity;
  if (price.billing_scheme !== "tiered") {
    const unit = price.unit_amount_decimal ?? String(price.unit_amount ?? 0);
    const { transform_quantity: transform } = price;
    const billed = transform ? divideWhole(used, transform.divide_by, transform.round) : used;
    return [
      {
        quantity: used,
        unitAmountDecimal: unit,
        amountMinor: amountOf(unit, billed),
        tier: null,
        flat: false,
      },
    ];
  }
  const tiers = price.tiers ?? [];
  return price.tiers_mode === "volume" ? volumeParts(tiers, used) : graduatedParts(tiers, used);
}

function volumeParts(tiers: TierTerms[], quantity: Decimal): PricedPart[] {
  const index = tiers.findIndex((tier) => tier.up_to === null || quantity <= decimalOf(tier.up_to));
  return tierParts(tiers[index] ?? lastOf(tiers), index === -1 ? tiers.length : index + 1, quantity);
}

function graduatedParts(tiers: TierTerms[], quantity: Decimal): PricedPart[] {
  const parts: PricedPart[] = [];
  let floor = 0n;
  for (const [index, tier] of tiers.entries()) {
    const ceiling = tier.up_to === null ? quantity : decimalOf(tier.up_to);
    const inTier = (quantity < ceiling ? quantity : ceiling) - floor;
    if (inTier <= 0n && index > 0) break;
    parts.push(...tierParts(tier, index + 1, inTier));
    floor = ceiling;
  }
  return parts;
}

function tierParts(tier: TierTerms, number: number, quantity: Decimal): PricedPart[] {
  const unit = tier.unit_amount_decimal ?? String(tier.unit_amount ?? 0);
  const parts = [
    { quantity, unitAmountDecimal: unit, amountMinor: amountOf(unit, quantity), tier: number, flat: false },
  ];
  const flat = tier.flat_amount_decimal ?? (tier.flat_amount === null ? null : String(tier.flat_amount));
  if (flat !== null && decimalOf(flat) !== 0n && quantity > 0n) {
    parts.push({
      quantity: 0n,
      unitAmountDecimal: flat,
      amountMinor: amountOf(flat, decimalOf(1)),
      tier: number,
      flat: true,
    });
  }
  return parts;
}

const amountOf = (unit: string, quantity: Decimal): number =>
  multiplyToMinor(parseDecimal(unit) ?? 0n, quantity);

function lastOf(tiers: TierTerms[]): TierTerms {
  const tier = tiers.at(-1);
  if (tier === undefined) throw new Error("a tiered price has tiers");
  return tier;
}
