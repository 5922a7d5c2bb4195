/**
 * Money as the user's locale writes it, from minor units (cents of a dollar; a yen has none).
 * `isShort` leaves out ".00".
 */
export function formatMoney(
  amountMinor: number,
  currency: string,
  options: { isShort?: boolean; locale?: string | undefined } = {},
): string {
  const format = new Intl.NumberFormat(options.locale, {
    style: "currency",
    currency,
    ...(options.isShort && { trailingZeroDisplay: "stripIfInteger" as const }),
  });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}
