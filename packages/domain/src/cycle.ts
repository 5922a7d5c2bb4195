import type { Period } from "@driftlock/contracts";

const dayMs = 24 * 60 * 60 * 1000;

/**
 * The `index`-th monthly cycle of an anchor, half open, in UTC. Always computed from the anchor, never from the cycle
 * before, so that 31 January is followed by 28 February and then by 31 March (DESIGN 6, FIELD H18).
 */
export const cycleAt = (anchor: Date, index: number): Period => ({
  start: addMonths(anchor, index),
  end: addMonths(anchor, index + 1),
});

/** The index of the cycle that holds `at`; negative before the anchor. */
export function cycleIndexAt(anchor: Date, at: Date): number {
  const months =
    (at.getUTCFullYear() - anchor.getUTCFullYear()) * 12 + at.getUTCMonth() - anchor.getUTCMonth();
  return addMonths(anchor, months).getTime() <= at.getTime() ? months : months - 1;
}

/** The periods that an account opens with on Free: the present one, begun at `now`, and the next. */
export const initialFreePeriods = (now: Date): readonly [Period, Period] => [
  cycleAt(now, 0),
  cycleAt(now, 1),
];

/** `months` later by the calendar: the same day and time, or the month's last day where it is shorter. */
function addMonths(anchor: Date, months: number): Date {
  const firstOfMonth = Date.UTC(anchor.getUTCFullYear(), anchor.getUTCMonth() + months, 1);
  const year = new Date(firstOfMonth).getUTCFullYear();
  const month = new Date(firstOfMonth).getUTCMonth();
  const daysInMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const timeOfDayMs = ((anchor.getTime() % dayMs) + dayMs) % dayMs;
  return new Date(firstOfMonth + (Math.min(anchor.getUTCDate(), daysInMonth) - 1) * dayMs + timeOfDayMs);
}
