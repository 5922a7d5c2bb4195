import { setTimeout as delay } from "node:timers/promises";
import type { RedisClient } from "../connection.ts";
import { loadScript } from "../script.ts";

const script = loadScript("token-bucket");
const microsecondsPerSecond = 1_000_000;

interface SharedTokenBuckets {
  /** Resolves when a call under `key` may leave. Rejects with UNAVAILABLE where Redis is away. */
  take(key: string): Promise<void>;
  /** From now on nobody leaves under `key` for so long, and then without a burst. */
  pause(key: string, forMs: number): Promise<void>;
}

/**
 * One bucket for each key, shared by every process on this Redis: `burst` calls at once, then `ratePerSecond`, so at
 * most the sum of both in any second. A place in the line that is not used (its process died) is lost.
 */
export function createSharedTokenBuckets(options: {
  redis: RedisClient;
  ratePerSecond: number;
  burst: number;
  wait?: (ms: number) => Promise<unknown>;
}): SharedTokenBuckets {
  const { redis, ratePerSecond, burst, wait = delay } = options;
  const gap = Math.ceil(microsecondsPerSecond / ratePerSecond);
  const call = (key: string, pauseMicroseconds: number) =>
    script(redis, [`{dl}:bucket:${key}`], [gap, burst, pauseMicroseconds]);
  return {
    take: async (key) => {
      const waitMs = Number(await call(key, 0)) / 1_000;
      if (waitMs > 0) await wait(waitMs);
    },
    pause: async (key, forMs) => void (await call(key, Math.ceil(forMs * 1_000))),
  };
}
