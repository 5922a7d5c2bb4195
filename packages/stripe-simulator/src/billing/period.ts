/** How often a price recurs, in Stripe's own words. */
export interface Recurrence {
  interval: string;
  interval_count: number;
}

/** Half open, in unix seconds. */
export interface Period {
  start: number;
  end: number;
}

const DAY_SECONDS = 86_400;

/**
 * The start of period `index` (may be negative) of a cycle anchored at `anchorAt` (unix seconds, UTC). Months are
 * counted from the anchor, never from the previous period: 31 January, 28 February, 31 March.
 */
export function boundaryAt(anchorAt: number, recurrence: Recurrence, index: number): number {
  const steps = recurrence.interval_count * index;
  if (recurrence.interval === "day") return anchorAt + steps * DAY_SECONDS;
  if (recurrence.interval === "week") return anchorAt + steps * 7 * DAY_SECONDS;
  const anchor = new Date(anchorAt * 1_000);
  const months = anchor.getUTCMonth() + (recurrence.interval === "year" ? 12 * steps : steps);
  const lastDay = new Date(Date.UTC(anchor.getUTCFullYear(), months + 1, 0)).getUTCDate();
  const midnight = Date.UTC(anchor.getUTCFullYear(), months, Math.min(anchor.getUTCDate(), lastDay)) / 1_000;
  return midnight + (anchorAt % DAY_SECONDS);
}

/** The period of the cycle that holds the instant `at` (unix seconds). */
export function periodContaining(anchorAt: number, recurrence: Recurrence, at: number): Period {
  let index = estimateIndex(anchorAt, recurrence, at);
  while (boundaryAt(anchorAt, recurrence, index) > at) index--;
  while (boundaryAt(anchorAt, recurrence, index + 1) <= at) index++;
  return { start: boundaryAt(anchorAt, recurrence, index), end: boundaryAt(anchorAt, recurrence, index + 1) };
}

const INTERVAL_DAYS: Record<string, number> = { day: 1, week: 7, month: 30.44, year: 365.25 };

function estimateIndex(anchorAt: number, { interval, interval_count }: Recurrence, at: number): number {
  return Math.floor((at - anchorAt) / ((INTERVAL_DAYS[interval] ?? 30.44) * interval_count * DAY_SECONDS));
}
