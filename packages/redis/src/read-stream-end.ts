import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { keys } from "./keys.ts";
import type { StreamPosition } from "./scripts/seed-counters.ts";

/**
 * Where a partition's stream ends now: all that was accepted before this call lies at or before it. Null where nothing
 * waits there, which is to say that everything is committed. Throws UNAVAILABLE.
 */
export async function readStreamEnd(redis: RedisClient, partition: number): Promise<StreamPosition | null> {
  try {
    // The epoch first: should Redis be lost in between, the position names an epoch that never passes, and is read again.
    const epoch = await redis.hget(keys.meta(partition), "epoch");
    const [newest] = await redis.xrevrange(keys.stream(partition), "+", "-", "COUNT", 1);
    return epoch === null || newest === undefined ? null : { epoch, streamId: newest[0] };
  } catch (error) {
    throw toAppError(error);
  }
}
