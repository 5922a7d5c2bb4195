import type { LiveAggregation } from "@driftlock/contracts";
import type { Counted } from "./quota.ts";

/**
 * The value of two spans of time as one, or of two groups: what `countEvent` comes to over the events of both. Of two
 * that end at the same instant `more` is the `last`.
 */
export function mergeCounted(aggregation: LiveAggregation, counted: Counted, more: Counted): Counted {
  return {
    quantity: valueOfBoth(aggregation, counted, more),
    lastOccurredAtMs: Math.max(counted.lastOccurredAtMs, more.lastOccurredAtMs),
  };
}

function valueOfBoth(aggregation: LiveAggregation, counted: Counted, more: Counted): number {
  switch (aggregation) {
    case "sum":
    case "count":
      return counted.quantity + more.quantity;
    case "max":
      return Math.max(counted.quantity, more.quantity);
    case "last":
      return more.lastOccurredAtMs >= counted.lastOccurredAtMs ? more.quantity : counted.quantity;
  }
}
