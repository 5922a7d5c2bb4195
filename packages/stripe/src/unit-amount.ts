import { Stripe } from "stripe";

/** Stripe keeps at most this many places of a minor unit. */
const placesMax = 12;

/**
 * The price of one unit in minor units, for `unit_amount_decimal`: 50 for each 1,000 is 0.05.
 * @throws where it has no exact form: what is billed would not be what is promised.
 */
export function unitAmountDecimal({ amountMinor, perUnits }: { amountMinor: number; perUnits: number }) {
  const units = Stripe.Decimal.from(perUnits);
  const unitAmount = Stripe.Decimal.from(amountMinor).div(units, placesMax, "half-even");
  if (unitAmount.mul(units).cmp(Stripe.Decimal.from(amountMinor)) !== 0) {
    throw new Error(`${amountMinor} for each ${perUnits} units has no exact price of one unit`);
  }
  return unitAmount;
}
