import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { partitionOf } from "../partition.ts";
import { loadScript } from "../script.ts";

const script = loadScript("put-limits");
const outcomes = ["older", "unbuilt", "built"] as const;

/**
 * Puts changed limits beside the account's counters. `older`: a newer version is there, nothing was done. `unbuilt`: the
 * counters are built at its next decision. `built`: they hold. `partitions` is the installation's. Throws UNAVAILABLE.
 */
export async function putLimits(
  redis: RedisClient,
  { partitions, limits }: { partitions: number; limits: AccountLimits },
): Promise<(typeof outcomes)[number]> {
  const partition = partitionOf(limits.accountId, partitions);
  const outcome = await script(
    redis,
    [
      keys.meta(partition),
      keys.limits(partition),
      keys.marks(partition),
      keys.built(partition),
      keys.live(partition),
    ],
    [limits.accountId, limits.version, JSON.stringify(limits)],
  );
  return outcomes[outcome as number] ?? "unbuilt";
}
