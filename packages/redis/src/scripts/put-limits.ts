import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { partitionOf } from "../partition.ts";
import { loadScript } from "../script.ts";

const script = loadScript("put-limits");

/**
 * Puts changed limits beside the account's counters, which are then built anew at its next decision. An older version
 * than the one that is there is ignored (false). `partitions` is the installation's. Throws UNAVAILABLE.
 */
export async function putLimits(
  redis: RedisClient,
  { partitions, limits }: { partitions: number; limits: AccountLimits },
): Promise<boolean> {
  const key = keys.limits(partitionOf(limits.accountId, partitions), limits.accountId);
  return (await script(redis, [key], [limits.version, JSON.stringify(limits)])) === 1;
}
