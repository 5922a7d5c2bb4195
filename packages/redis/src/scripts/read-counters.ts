import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { counterField, keys } from "../keys.ts";
import { loadScript } from "../script.ts";

export interface LiveUsage {
  limits: AccountLimits;
  /** The live value of a metric in the segment that starts then; 0 where nothing was counted. */
  used(segmentStartMs: number, metric: string): number;
  /** What reservations hold on top of it. */
  held(segmentStartMs: number, metric: string): number;
}

const script = loadScript("read-counters");

/** Limits and live counters of an account, or null where they are missing or too old. Throws UNAVAILABLE. */
export async function readCounters(
  redis: RedisClient,
  { partition, accountId, nowMs }: { partition: number; accountId: string; nowMs: number },
): Promise<LiveUsage | null> {
  const [document, fields = [], values = [], held = []] = (await script(
    redis,
    [
      keys.meta(partition),
      keys.limits(partition),
      keys.marks(partition),
      keys.live(partition),
      keys.held(partition),
    ],
    [accountId, nowMs],
  )) as [string, string[], string[], string[]] | [];
  if (document === undefined) return null;
  const byField = (quantities: readonly string[]) => {
    const found = new Map(fields.map((field, index) => [field, Number(quantities[index])]));
    return (segmentStartMs: number, metric: string) =>
      found.get(counterField(accountId, segmentStartMs, metric)) ?? 0;
  };
  return { limits: JSON.parse(document) as AccountLimits, used: byField(values), held: byField(held) };
}
