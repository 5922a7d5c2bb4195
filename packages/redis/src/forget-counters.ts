import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { keys } from "./keys.ts";

/**
 * Has an account's live counters built anew, from Postgres and the stream, before the next decision about it. Throws
 * UNAVAILABLE; a repeat changes nothing.
 */
export async function forgetCounters(
  redis: RedisClient,
  { partition, accountId }: { partition: number; accountId: string },
): Promise<void> {
  try {
    await redis.hdel(keys.marks(partition), accountId);
  } catch (error) {
    throw toAppError(error);
  }
}
