import { type AccountLimits, type Aggregation, type MetricLimit, quantityMax } from "@driftlock/contracts";

/** What a metric's period has come to. `lastOccurredAtMs` decides which event is the `last`; 0 before the first. */
export interface Counted {
  quantity: number;
  lastOccurredAtMs: number;
}

export const countedNothing: Counted = { quantity: 0, lastOccurredAtMs: 0 };

interface Measured {
  quantity: number;
  occurredAtMs: number;
  /** For `unique`: whether the period has not seen the event's value before. */
  isNewValue?: boolean;
}

/** A period's value after one more event. Of two events of the same instant the one that is counted later is `last`. */
export function countEvent(aggregation: Aggregation, counted: Counted, event: Measured): Counted {
  return {
    quantity: valueAfter(aggregation, counted, event),
    lastOccurredAtMs: Math.max(counted.lastOccurredAtMs, event.occurredAtMs),
  };
}

function valueAfter(aggregation: Aggregation, counted: Counted, event: Measured): number {
  switch (aggregation) {
    case "sum":
      return counted.quantity + event.quantity;
    case "count":
      return counted.quantity + 1;
    case "max":
      return Math.max(counted.quantity, event.quantity);
    case "last":
      return event.occurredAtMs >= counted.lastOccurredAtMs ? event.quantity : counted.quantity;
    case "unique":
      return event.isNewValue === true ? counted.quantity + 1 : counted.quantity;
  }
}

/** The total past which a metric's events are refused; null where none are. */
export function refusedPast({
  limit,
  policy,
  hardLimit,
}: Pick<MetricLimit, "limit" | "policy" | "hardLimit">): number | null {
  if (policy !== "refuse" || limit === null) return hardLimit;
  return hardLimit === null ? limit : Math.min(limit, hardLimit);
}

export type QuotaRefusal =
  | "quota-exceeded"
  | "total-too-large"
  | "period-closed"
  | "not-in-plan"
  | "no-period";
export type QuotaDecision = { outcome: "accepted"; counted: Counted } | { outcome: QuotaRefusal };

/**
 * Whether one event fits: the rule of `accept-usage.lua`, which decides for real (a property test holds them together).
 * The limit is that of the period of the event's own timestamp. `counted` is asked for that period's value so far, and
 * for what reservations hold of it: what is held is spoken for, wherever there is something to refuse.
 * A closed period goes on to take what it bills, against the same limit (late-policy.ts).
 */
export function decideQuota(
  limits: AccountLimits,
  event: Measured & { metric: string },
  counted: (segmentStartMs: number, metric: string) => Counted & { held?: number },
): QuotaDecision {
  const { occurredAtMs, metric } = event;
  const segment = limits.segments.find(
    ({ startMs, endMs }) => startMs <= occurredAtMs && occurredAtMs < endMs,
  );
  if (!segment) {
    const firstStartMs = limits.segments[0]?.startMs ?? -Infinity;
    return { outcome: occurredAtMs < firstStartMs ? "period-closed" : "no-period" };
  }
  const limit = segment.metrics[metric];
  if (!limit) return { outcome: "not-in-plan" };
  if (limit.isClosed) return { outcome: "period-closed" };
  const before = counted(segment.startMs, metric);
  const after = countEvent(limit.aggregation, before, event);
  if (after.quantity > quantityMax) return { outcome: "total-too-large" };
  const end = refusedPast(limit);
  if (end !== null && after.quantity + (before.held ?? 0) > end) return { outcome: "quota-exceeded" };
  return { outcome: "accepted", counted: after };
}

/**
 * Where a period stands with a metric. `remaining` reaches to where more is refused, else to what is included; null where
 * it is unlimited. What reservations hold is not used yet, and not free either. `overage` is what is billed.
 */
export function quotaStanding(
  limit: Pick<MetricLimit, "limit" | "policy" | "hardLimit">,
  { used, held }: { used: number; held: number },
): { remaining: number | null; overage: number } {
  const end = refusedPast(limit) ?? limit.limit;
  const past = limit.limit === null ? 0 : Math.max(0, used - limit.limit);
  return {
    remaining: end === null ? null : Math.max(0, end - used - held),
    overage: limit.policy === "bill" ? past : 0,
  };
}
