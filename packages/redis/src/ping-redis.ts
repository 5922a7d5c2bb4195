import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";

/** Resolves when Redis answers. @throws AppError UNAVAILABLE, with the server's own words as its cause where it has some. */
export async function pingRedis(redis: RedisClient): Promise<void> {
  try {
    await redis.ping();
  } catch (error) {
    // ioredis's words for a server that is away are about an option of its.
    const isAway = error instanceof Error && error.name === "MaxRetriesPerRequestError";
    throw toAppError(isAway ? new Error("no connection") : error);
  }
}
