/** Whole cents, as people read them. */
export const dollars = (amountMinor: number | undefined): string =>
  amountMinor === undefined ? "-" : `$${(amountMinor / 100).toFixed(2)}`;
