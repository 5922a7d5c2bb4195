import type { AccountLimits, LimitSegment } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { markOf, type ResolvedLimits, resolveLimits } from "../resolved-limits.ts";
import { loadScript } from "../script.ts";

const script = loadScript("read-limits");
const accountsMax = 1_000;
const sharedMax = 1_000;

/** Reads the limits of accounts of one partition. @returns those whose live counters are built for them. */
export type ReadLimits = (
  redis: RedisClient,
  at: { partition: number; accountIds: readonly string[]; nowMs: number },
) => Promise<ResolvedLimits[]>;

/** A reader that keeps equal metrics of many accounts (they are those of a plan) once. Its calls throw UNAVAILABLE. */
export function createReadLimits(): ReadLimits {
  const shared = new Map<string, LimitSegment["metrics"]>();

  function share(metrics: LimitSegment["metrics"]): LimitSegment["metrics"] {
    const text = JSON.stringify(metrics);
    const known = shared.get(text);
    if (known !== undefined) return known;
    if (shared.size === sharedMax) shared.clear();
    shared.set(text, metrics);
    return metrics;
  }

  function parse(document: string): AccountLimits {
    const limits = JSON.parse(document) as AccountLimits;
    return {
      ...limits,
      segments: limits.segments.map((segment) => ({ ...segment, metrics: share(segment.metrics) })),
    };
  }

  return async (redis, { partition, accountIds, nowMs }) => {
    const built: ResolvedLimits[] = [];
    for (let at = 0; at < accountIds.length; at += accountsMax) {
      const [epoch, documents, marks] = (await script(
        redis,
        [keys.meta(partition), keys.limits(partition), keys.marks(partition), keys.live(partition)],
        accountIds.slice(at, at + accountsMax),
      )) as [string, string[], string[]];
      for (const [index, document] of documents.entries()) {
        if (document === "") continue;
        const limits = parse(document);
        const isBuilt = epoch !== "" && marks[index] === markOf(epoch, limits.version);
        if (isBuilt && limits.validUntilMs > nowMs) built.push(resolveLimits(limits, epoch));
      }
    }
    return built;
  };
}
