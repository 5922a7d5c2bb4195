import { type Db, usageReports } from "@driftlock/db";
import { readBacklog, type RedisClient } from "@driftlock/redis";
import type { Clock, ClockParticipant } from "@driftlock/runtime";

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock & ClockParticipant;
  partitions: number;
}

/**
 * Tells whoever moves the clock how far usage has come: everything accepted up to an instant is committed and every
 * frozen window is with Stripe, whichever aggregator did it. Where that is not so, the last such instant is told again.
 */
export function createProgressReporter({ db, redis, clock, partitions }: Deps): () => Promise<void> {
  let caughtUpToMs = clock.now().getTime();
  return async () => {
    const nowMs = clock.now().getTime();
    const backlog = await readBacklog(redis, partitions);
    const { open, stale } = await usageReports.countReports(db, clock.now());
    if (backlog.every((length) => length === 0) && open === stale) caughtUpToMs = nowMs;
    await clock.report({ caughtUpToMs, nextDueAtMs: null });
  };
}
