import { setTimeout as delay } from "node:timers/promises";

export interface TokenBuckets {
  /** Resolves when a call under `key` may leave; callers of one key leave in the order they came. */
  take(key: string): Promise<void>;
}

/**
 * One bucket for each key: `burst` calls at once, then `ratePerSecond`. It holds for this process only; what several
 * processes send together is kept in bounds by Stripe's 429 and our backoff.
 */
export function createTokenBuckets(options: {
  ratePerSecond: number;
  burst: number;
  nowMs?: () => number;
  wait?: (ms: number) => Promise<unknown>;
}): TokenBuckets {
  const { ratePerSecond, burst, nowMs = () => performance.now(), wait = delay } = options;
  const gapMs = 1000 / ratePerSecond;
  // When the bucket of a key would be full again: each call moves it one gap on (the "virtual scheduling" form).
  const fullAt = new Map<string, number>();
  return {
    take: async (key) => {
      const now = nowMs();
      const next = Math.max(fullAt.get(key) ?? now, now) + gapMs;
      fullAt.set(key, next);
      const waitMs = next - now - burst * gapMs;
      if (waitMs > 0) await wait(waitMs);
    },
  };
}
