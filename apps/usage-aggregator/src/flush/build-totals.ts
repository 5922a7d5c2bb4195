import type { LiveAggregation } from "@driftlock/contracts";
import type { usageTotals } from "@driftlock/db";
import { type Counted, countedNothing, countEvent } from "@driftlock/domain";
import type { PlacedEvent } from "./placed-event.ts";

type TotalDelta = usageTotals.TotalDelta;
export type DeltasByAggregation = Map<LiveAggregation, TotalDelta[]>;

const minuteMs = 60_000;

export const startOfPeriod = ({ periodStart }: PlacedEvent): number => periodStart.getTime();
export const startOfMinute = ({ event }: PlacedEvent): number =>
  Math.floor(event.occurredAtMs / minuteMs) * minuteMs;

/** What a batch adds to its totals, in the order of their keys, so that two writers never wait for each other. */
export function buildTotals(
  placed: readonly PlacedEvent[],
  startMsOf: (event: PlacedEvent) => number,
): DeltasByAggregation {
  const groups = new Map<
    string,
    { first: PlacedEvent; counted: Counted; eventCount: number; startMs: number }
  >();
  for (const each of placed) {
    const startMs = startMsOf(each);
    const key = `${each.event.accountId} ${each.event.metric} ${startMs}`;
    const group = groups.get(key);
    if (group === undefined) {
      const counted = countEvent(each.aggregation, countedNothing, each.event);
      groups.set(key, { first: each, counted, eventCount: 1, startMs });
    } else {
      group.counted = countEvent(each.aggregation, group.counted, each.event);
      group.eventCount++;
    }
  }
  const sorted = [...groups].sort(([one], [other]) => (one < other ? -1 : 1));
  const deltas: DeltasByAggregation = new Map();
  for (const [, { first, counted, eventCount, startMs }] of sorted) {
    const ofAggregation = deltas.get(first.aggregation) ?? [];
    deltas.set(first.aggregation, ofAggregation);
    ofAggregation.push({
      accountId: first.event.accountId,
      metric: first.event.metric,
      at: new Date(startMs),
      quantity: counted.quantity,
      eventCount,
      lastOccurredAt: new Date(counted.lastOccurredAtMs),
    });
  }
  return deltas;
}
