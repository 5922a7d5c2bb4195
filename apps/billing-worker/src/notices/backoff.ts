const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits between attempts, as Standard Webhooks proposes: about three days in all. */
export const backoffMs = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
] as const;
