import { AppError } from "@driftlock/contracts";

/** What `toISOString` writes with four digits of year, and Postgres takes; a day less, for windows that are widened. */
const endMaxMs = Date.UTC(9999, 11, 31);

/** A query's `[from, to)` in unix milliseconds: by default `spanMs` long and up to now. @throws INVALID where it is empty. */
export function readRange(
  query: { from?: string | undefined; to?: string | undefined },
  { now, spanMs }: { now: Date; spanMs: number },
): { fromMs: number; toMs: number } {
  const toMs = query.to === undefined ? now.getTime() : Date.parse(query.to);
  const fromMs = query.from === undefined ? toMs - spanMs : Date.parse(query.from);
  if (fromMs >= toMs) throw new AppError("INVALID", "query.from must be before query.to.");
  if (toMs > endMaxMs || fromMs < 0) {
    throw new AppError("INVALID", "query.from and query.to must be between the years 1970 and 9999.");
  }
  return { fromMs, toMs };
}
