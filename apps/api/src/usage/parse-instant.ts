const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** An instant of RFC 3339 as unix milliseconds, or null. A day that its month does not have is refused, not carried. */
export function parseInstant(text: string): number | null {
  return parseUsualForm(text) ?? parseAnyForm(text);
}

/** `2026-01-31T12:00:00Z` or with `.000`, as most send it: a tenth of the time. Null for everything else. */
function parseUsualForm(text: string): number | null {
  const { length } = text;
  const hasMs = length === 24;
  if (!hasMs && length !== 20) return null;
  const isUsual =
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    text.charCodeAt(10) === 84 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58 &&
    text.charCodeAt(length - 1) === 90 &&
    (!hasMs || text.charCodeAt(19) === 46);
  if (!isUsual) return null;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const ms = hasMs ? digits(text, 20, 3) : 0;
  // Days that not every month has, and years that Date.UTC takes for others, are left to the other way; NaN is no number.
  if (!(year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= 28)) return null;
  if (!(hour <= 23 && minute <= 59 && second <= 59 && ms <= 999)) return null;
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

/** The number that these characters are; NaN where one is no digit. */
function digits(text: string, start: number, count: number): number {
  let number = 0;
  for (let index = start; index < start + count; index++) {
    const digit = text.charCodeAt(index) - 48;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : Number.NaN;
  }
  return number;
}

function parseAnyForm(text: string): number | null {
  const match = rfc3339.exec(text);
  if (match === null) return null;
  const [, year, month, day] = match.map(Number);
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day) return null;
  const instantMs = Date.parse(text.toUpperCase().replace(" ", "T"));
  return Number.isNaN(instantMs) ? null : instantMs;
}
