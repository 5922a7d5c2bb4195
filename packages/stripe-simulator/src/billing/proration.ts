import { roundedQuotient } from "./decimal.ts";
import type { Period } from "./period.ts";

/**
 * The part of `amountMinor` that falls on `[fromAt, period.end)`, to the second, rounded once. In flexible billing mode
 * a credit is this share of what was debited for the period, a debit the share of the new price.
 */
export function proratedMinor(amountMinor: number, period: Period, fromAt: number): number {
  const length = period.end - period.start;
  if (length <= 0) return 0;
  const remaining = Math.min(length, Math.max(0, period.end - fromAt));
  return Number(roundedQuotient(BigInt(amountMinor) * BigInt(remaining), BigInt(length)));
}
