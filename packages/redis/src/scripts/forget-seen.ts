import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { seenField, seenKeys } from "../seen-ids.ts";

/**
 * Lets an event in once more that was accepted in these ten minutes and could not be stored: its id is known to nothing
 * but the guard. Throws UNAVAILABLE.
 */
export async function forgetSeen(
  redis: RedisClient,
  {
    partition,
    event,
    wallNowMs,
  }: { partition: number; event: Parameters<typeof seenField>[0]; wallNowMs: number },
): Promise<void> {
  try {
    await Promise.all(seenKeys(partition, wallNowMs).map((key) => redis.hdel(key, seenField(event))));
  } catch (error) {
    throw toAppError(error);
  }
}
