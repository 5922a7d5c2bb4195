import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { keys } from "./keys.ts";
import type { StreamPosition } from "./scripts/seed-counters.ts";

/**
 * How far each of these partitions is committed in Postgres, in one round; an empty epoch where nothing was ever
 * written, id 0-0 where nothing of this epoch is committed. Throws UNAVAILABLE.
 */
export async function readCommitted(
  redis: RedisClient,
  partitions: readonly number[],
): Promise<StreamPosition[]> {
  try {
    const answers = await Promise.all(
      partitions.map((partition) => redis.hmget(keys.meta(partition), "epoch", "trimmed")),
    );
    return answers.map(([epoch, trimmed]) => ({ epoch: epoch ?? "", streamId: trimmed ?? "0-0" }));
  } catch (error) {
    throw toAppError(error);
  }
}
