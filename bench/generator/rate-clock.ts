/** When requests are due at a fixed rate, whatever became of those before. */
export interface RateClock {
  start(nowMs: number): void;
  /** The instant of the next request where that has come, and counts it as taken; else null. */
  takeDue(nowMs: number): number | null;
}

export function createRateClock(requestsPerSecond: number): RateClock {
  let startedAtMs = Number.POSITIVE_INFINITY;
  let taken = 0;
  return {
    start(nowMs) {
      startedAtMs = nowMs;
    },
    takeDue(nowMs) {
      const dueAtMs = startedAtMs + (taken * 1_000) / requestsPerSecond;
      if (dueAtMs > nowMs) return null;
      taken++;
      return dueAtMs;
    },
  };
}
