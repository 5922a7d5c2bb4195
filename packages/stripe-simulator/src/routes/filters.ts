type Range = number | { gt?: number; gte?: number; lt?: number; lte?: number } | undefined;

/** Whether a unix time is within a `created`-like parameter: an exact number or a range. */
export function inRange(at: number, range: Range): boolean {
  if (range === undefined) return true;
  if (typeof range === "number") return at === range;
  const { gt = -1, gte = 0, lt = Number.POSITIVE_INFINITY, lte = Number.POSITIVE_INFINITY } = range;
  return at > gt && at >= gte && at < lt && at <= lte;
}

/** Whether a field is what a filter parameter asks for; an absent parameter asks for nothing. */
export const isAsked = <T>(value: T, asked: T | undefined): boolean => asked === undefined || value === asked;

/** A parameter that was given, with the empty string meaning "unset": null. Absent stays absent. */
export const orNull = <T>(value: T | "" | null): T | null => (value === "" ? null : value);
