import { setTimeout as delay } from "node:timers/promises";

export interface TokenBuckets {
  /** Resolves when a call under `key` may leave; callers of one key leave in the order they came. */
  take(key: string): Promise<void>;
  /** From now on nobody leaves under `key` for so long, and then without a burst. */
  pause(key: string, forMs: number): Promise<void>;
}

export interface BucketSize {
  ratePerSecond: number;
  /** Calls that leave at once from a full bucket; in any second at most this and the rate together. */
  burst: number;
}

/** One bucket for each key, of this process alone. */
export function createTokenBuckets(
  options: BucketSize & { nowMs?: () => number; wait?: (ms: number) => Promise<unknown> },
): TokenBuckets {
  const { ratePerSecond, burst, nowMs = () => performance.now(), wait = delay } = options;
  const gapMs = 1000 / ratePerSecond;
  const depthMs = burst * gapMs;
  // When the bucket of a key would be full again: each call moves it one gap on (the "virtual scheduling" form).
  const fullAt = new Map<string, number>();
  const fullAtOf = (key: string, now: number) => Math.max(fullAt.get(key) ?? now, now);
  return {
    take: async (key) => {
      const now = nowMs();
      const next = fullAtOf(key, now) + gapMs;
      fullAt.set(key, next);
      const waitMs = next - now - depthMs;
      if (waitMs > 0) await wait(waitMs);
    },
    pause: async (key, forMs) => {
      const now = nowMs();
      fullAt.set(key, Math.max(fullAtOf(key, now), now + depthMs + forMs));
    },
  };
}
