import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { loadScript } from "../script.ts";

export interface LiveUsage {
  limits: AccountLimits;
  /** The live value of a metric in the segment that starts then; 0 where nothing was counted. */
  used(segmentStartMs: number, metric: string): number;
}

const script = loadScript("read-counters");

/** Limits and live counters of an account, or null where they are missing or too old. Throws UNAVAILABLE. */
export async function readCounters(
  redis: RedisClient,
  { partition, accountId, nowMs }: { partition: number; accountId: string; nowMs: number },
): Promise<LiveUsage | null> {
  const [document, flat] = (await script(
    redis,
    [keys.meta(partition), keys.limits(partition, accountId), keys.live(partition, accountId)],
    [nowMs],
  )) as [string, string[]] | [];
  if (document === undefined || flat === undefined) return null;
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) values.set(flat[at] ?? "", flat[at + 1] ?? "");
  return {
    limits: JSON.parse(document) as AccountLimits,
    used: (segmentStartMs, metric) => Number(values.get(`${segmentStartMs}:${metric}`) ?? 0),
  };
}
