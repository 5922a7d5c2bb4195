import { expect, test } from "vitest";
import { decimalOf, formatDecimal } from "./decimal.ts";
import { type PriceTerms, priceUsage, type TierTerms } from "./price-usage.ts";

const tier = (up_to: number | null, unit: string, flat: number | null = null): TierTerms => ({
  up_to,
  unit_amount: null,
  unit_amount_decimal: unit,
  flat_amount: flat,
  flat_amount_decimal: null,
});
const tiered = (tiers_mode: string, tiers: TierTerms[]): PriceTerms => ({
  billing_scheme: "tiered",
  tiers_mode,
  tiers,
  unit_amount: null,
  unit_amount_decimal: null,
});
const parts = (price: PriceTerms, quantity: number) =>
  priceUsage(price, decimalOf(quantity)).map((part) => [
    part.tier,
    formatDecimal(part.quantity),
    part.amountMinor,
  ]);

const overage = tiered("graduated", [tier(100_000, "0"), tier(null, "0.05")]);

test("a graduated price is one part for each reached tier", () => {
  expect(parts(overage, 0)).toEqual([[1, "0", 0]]);
  expect(parts(overage, 100_000)).toEqual([[1, "100000", 0]]);
  expect(parts(overage, 150_000)).toEqual([
    [1, "100000", 0],
    [2, "50000", 2_500],
  ]);
  expect(parts(overage, 100_010)[1]).toEqual([2, "10", 1]);
});

test("a volume price charges everything at the tier reached, with its flat fee", () => {
  const volume = tiered("volume", [tier(10, "100"), tier(null, "50", 700)]);
  expect(parts(volume, 10)).toEqual([[1, "10", 1_000]]);
  expect(parts(volume, 11)).toEqual([
    [2, "11", 550],
    [2, "0", 700],
  ]);
});

test("a negative total is billed as nothing", () => {
  expect(parts(overage, -5)).toEqual([[1, "0", 0]]);
});

test("a plain price with packages rounds the packages, not the money", () => {
  const packages: PriceTerms = {
    billing_scheme: "per_unit",
    tiers_mode: null,
    unit_amount: 50,
    unit_amount_decimal: "50",
    transform_quantity: { divide_by: 1_000, round: "up" },
  };
  expect(parts(packages, 1_001)).toEqual([[null, "1001", 100]]);
});
