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
  return format.format(amountMinor / minorPerUnit(currency));
}

/** How many minor units make one of the currency: 100 cents a dollar, 1 for the yen. */
export function minorPerUnit(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat("en", {
    style: "currency",
    currency,
  }).resolvedOptions();
  return 10 ** (maximumFractionDigits ?? 2);
}
