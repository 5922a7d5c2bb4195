import type { AccountLimits, LimitSegment, MetricLimit } from "@driftlock/contracts";
import { counterField } from "./keys.ts";

/** A metric's counter in one segment of an account, as the scripts are told of it. */
export interface Counter {
  readonly metric: string;
  readonly field: string;
  readonly limit: MetricLimit;
  /** The total past which the script refuses; -1 for none. */
  readonly stop: number;
  /** Closed where the metric takes nothing any more: what is billed may outlive the period's close. */
  readonly segment: LimitSegment;
  /** Where the counter stands in the call that is being written, and what that call adds: scratch of `acceptUsage`. */
  readonly scratch: CallScratch;
}

interface CallScratch {
  call: number;
  place: number;
  total: number;
  tagQuantity: number;
  tagPlace: number;
}

/** An account's limits with what is worked out of them once; `mark` is what its live counters must be built for. */
export interface ResolvedLimits {
  readonly limits: AccountLimits;
  readonly epoch: string;
  readonly mark: string;
  readonly counters: Map<LimitSegment, Map<string, Counter>>;
  /** The counter that was asked for last: most often it is the next one too. */
  latest: Counter | null;
  readonly scratch: CallScratch;
}

/** Why there is no counter for an event. */
export type Unresolved = "period-closed" | "not-in-plan" | "no-period";

const newScratch = (): CallScratch => ({ call: 0, place: 0, total: 0, tagQuantity: -1, tagPlace: 0 });

/** What an account's live counters are built for, as the hash of marks has it. */
export const markOf = (epoch: string, version: number): string => `${epoch}:${version}`;

/** `epoch`: the life of the partition's data that the counters are known to be built in. */
export const resolveLimits = (limits: AccountLimits, epoch: string): ResolvedLimits => ({
  limits,
  epoch,
  mark: markOf(epoch, limits.version),
  counters: new Map(),
  latest: null,
  scratch: newScratch(),
});

/** The counter of a metric in the segment that holds an instant, or why there is none. */
export function findCounter(
  resolved: ResolvedLimits,
  metric: string,
  occurredAtMs: number,
): Counter | Unresolved {
  const { latest } = resolved;
  if (latest !== null && latest.metric === metric && isWithin(latest.segment, occurredAtMs)) return latest;
  const segment = findSegment(resolved.limits.segments, occurredAtMs);
  if (segment === null) {
    const first = resolved.limits.segments[0];
    return first !== undefined && occurredAtMs < first.startMs ? "period-closed" : "no-period";
  }
  let counters = resolved.counters.get(segment);
  if (counters === undefined) {
    counters = new Map();
    resolved.counters.set(segment, counters);
  }
  const counter = counters.get(metric) ?? addCounter(counters, { resolved, segment, metric });
  if (typeof counter !== "string") resolved.latest = counter;
  return counter;
}

const isWithin = ({ startMs, endMs }: LimitSegment, atMs: number): boolean => startMs <= atMs && atMs < endMs;

/** The segment that holds an instant. Newest first: that is where most events are. */
export function findSegment(segments: readonly LimitSegment[], atMs: number): LimitSegment | null {
  for (let index = segments.length - 1; index >= 0; index--) {
    const segment = segments[index];
    if (segment !== undefined && isWithin(segment, atMs)) return segment;
  }
  return null;
}

function addCounter(
  counters: Map<string, Counter>,
  { resolved, segment, metric }: { resolved: ResolvedLimits; segment: LimitSegment; metric: string },
): Counter | Unresolved {
  const limit = Object.hasOwn(segment.metrics, metric) ? segment.metrics[metric] : undefined;
  if (limit === undefined) return "not-in-plan";
  const counter: Counter = {
    metric,
    field: counterField(resolved.limits.accountId, segment.startMs, metric),
    limit,
    stop: stopOf(limit),
    segment: segment.isClosed === limit.isClosed ? segment : { ...segment, isClosed: limit.isClosed },
    scratch: newScratch(),
  };
  counters.set(metric, counter);
  return counter;
}

/**
 * The domain's `refusedPast`; a property test holds the two together. The smaller of the two: a spend cap (`hardLimit`)
 * is the customer's own and ends what the plan would go on to bill, but never gives what the plan refuses.
 */
function stopOf({ limit, policy, hardLimit }: MetricLimit): number {
  const quota = policy === "refuse" && limit !== null ? limit : Infinity;
  const stop = Math.min(quota, hardLimit ?? Infinity);
  return stop === Infinity ? -1 : stop;
}
