/** A decimal number held exactly: the value times 10^15, as wide as Stripe's widest decimal. */
export type Decimal = bigint;

const FRACTION_DIGITS = 15;
const ONE = 10n ** BigInt(FRACTION_DIGITS);

/** Reads `"-12.5"`; null for anything that is not a plain decimal of at most 15 fractional digits. */
export function parseDecimal(text: string): Decimal | null {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$|^([+-]?)\.(\d+)$/.exec(text.trim());
  if (match === null) return null;
  const fraction = match[3] ?? match[5] ?? "";
  if (fraction.length > FRACTION_DIGITS) return null;
  const magnitude = BigInt(match[2] ?? "0") * ONE + BigInt(fraction.padEnd(FRACTION_DIGITS, "0"));
  return (match[1] ?? match[4]) === "-" ? -magnitude : magnitude;
}

/** Reads a decimal that the simulator itself wrote; a malformed one is a defect. */
export function decimalOf(value: string | number): Decimal {
  const parsed = parseDecimal(String(value));
  if (parsed === null) throw new Error(`not a decimal: ${value}`);
  return parsed;
}

/** The shortest plain form: no exponent, no trailing zeros. */
export function formatDecimal(value: Decimal): string {
  const magnitude = value < 0n ? -value : value;
  const fraction = (magnitude % ONE).toString().padStart(FRACTION_DIGITS, "0").replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${magnitude / ONE}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Rounds `numerator / denominator` (denominator > 0) to an integer, halves away from zero, as Stripe rounds money. */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

/** The product of two decimals in whole minor units, rounded once. */
export const multiplyToMinor = (a: Decimal, b: Decimal): number => Number(roundedQuotient(a * b, ONE * ONE));

/** The value rounded to a whole number; quantities of invoice lines are integers beside their exact decimal. */
export const toWhole = (value: Decimal): number => Number(roundedQuotient(value, ONE));

/** `quantity / divideBy` rounded up or down to a whole decimal (a price's `transform_quantity`). */
export function divideWhole(quantity: Decimal, divideBy: number, round: string): Decimal {
  const divisor = BigInt(divideBy) * ONE;
  return (round === "up" ? (quantity + divisor - 1n) / divisor : quantity / divisor) * ONE;
}
