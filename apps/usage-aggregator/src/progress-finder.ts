import { type Db, usageReports } from "@driftlock/db";
import { readBacklog, type RedisClient } from "@driftlock/redis";
import type { Clock, ClockProgress } from "@driftlock/runtime";

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  partitions: number;
}

/**
 * How far usage has come: everything accepted up to an instant is committed and every frozen window is with Stripe,
 * whichever aggregator did it. Where that is not so, the last such instant is given again.
 */
export function createProgressFinder({ db, redis, clock, partitions }: Deps): () => Promise<ClockProgress> {
  let caughtUpToMs = clock.now().getTime();
  return async () => {
    const now = clock.now();
    const backlog = await readBacklog(redis, partitions);
    const { open, stale } = await usageReports.countReports(db, now);
    if (backlog.every((length) => length === 0) && open === stale) caughtUpToMs = now.getTime();
    return { caughtUpToMs, nextDueAtMs: null };
  };
}
