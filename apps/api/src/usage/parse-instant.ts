const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** An instant of RFC 3339 as unix milliseconds, or null. A day that its month does not have is refused, not carried. */
export function parseInstant(text: string): number | null {
  const match = rfc3339.exec(text);
  if (match === null) return null;
  const [, year, month, day] = match.map(Number);
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day) return null;
  const instantMs = Date.parse(text.toUpperCase().replace(" ", "T"));
  return Number.isNaN(instantMs) ? null : instantMs;
}
