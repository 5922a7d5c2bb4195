import type { LiveAggregation, UsageEvent } from "@driftlock/contracts";

/** An event with the period that it counts in. */
export interface PlacedEvent {
  event: UsageEvent;
  aggregation: LiveAggregation;
  periodStart: Date;
}

/** An accepted event that is not stored: a repeat is dropped, everything else goes to quarantine. */
export interface SetAsideEvent {
  event: UsageEvent;
  /** Where it was counted live; null where that is not known. */
  counted: { segmentStartMs: number; aggregation: LiveAggregation } | null;
  reason: "repeat" | "conflict" | "no-period" | "unknown-metric" | "not-storable";
  detail: string;
}

export const setAside = (
  { event, aggregation, periodStart }: PlacedEvent,
  reason: SetAsideEvent["reason"],
  detail: string,
): SetAsideEvent => ({
  event,
  counted: { segmentStartMs: periodStart.getTime(), aggregation },
  reason,
  detail,
});

/** Unique in a batch as it is in the table. */
export const keyOf = ({ accountId, id }: { accountId: string; id: string }): string => `${accountId}\n${id}`;
