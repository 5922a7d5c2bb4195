import type { RedisClient } from "./connection.ts";

const key = "{dl}:billing-worker:heartbeat";

/** Says that a billing worker lives; several workers share the one mark, since one of them is enough. Wall time. */
export const setWorkerHeartbeat = async (redis: RedisClient, now: Date): Promise<void> => {
  await redis.set(key, now.getTime());
};

/** When a billing worker last said that it lives (wall time); null when none ever did. */
export async function findWorkerHeartbeat(redis: RedisClient): Promise<Date | null> {
  const value = await redis.get(key);
  return value === null ? null : new Date(Number(value));
}
