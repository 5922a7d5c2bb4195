/** A count with its digits grouped. */
export const formatQuantity = (quantity: number, locale?: string): string =>
  new Intl.NumberFormat(locale).format(quantity);

/** The same in few characters, for axes: 12K, 1.5M. */
export const formatCompact = (quantity: number, locale?: string): string =>
  new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(quantity);

/** A share of 1 as whole percent, rounded down: 100 % is said only when there is nothing left. */
export const formatShare = (share: number, locale?: string): string =>
  new Intl.NumberFormat(locale, { style: "percent" }).format(Math.floor(share * 100) / 100);

const byteUnits = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"] as const;

/** Bytes in the largest decimal unit of which there is at least one: 1,500,000 is 1.5 MB. */
export function formatBytes(bytes: number, locale?: string): string {
  const size = Math.abs(bytes);
  const power = size < 1 ? 0 : Math.min(Math.floor(Math.log10(size) / 3), byteUnits.length - 1);
  const format = new Intl.NumberFormat(locale, {
    style: "unit",
    unit: byteUnits[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  });
  return format.format(bytes / 1000 ** power);
}
