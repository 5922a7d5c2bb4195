import type { LiveAggregation } from "@driftlock/contracts";
import type { usageTotals } from "@driftlock/db";
import { mergeCounted } from "@driftlock/domain";

type TotalDelta = usageTotals.TotalDelta;

/** Joins what has the same identity; in the order of the first of each. */
export function foldDeltas<Delta extends TotalDelta>(
  aggregation: LiveAggregation,
  deltas: readonly Delta[],
  identityOf: (delta: Delta) => string,
): Delta[] {
  const folded = new Map<string, Delta>();
  for (const delta of deltas) {
    const identity = identityOf(delta);
    const before = folded.get(identity);
    folded.set(identity, before === undefined ? delta : join(aggregation, before, delta));
  }
  return [...folded.values()];
}

function join<Delta extends TotalDelta>(aggregation: LiveAggregation, one: Delta, more: Delta): Delta {
  const { quantity, lastOccurredAtMs } = mergeCounted(aggregation, countedOf(one), countedOf(more));
  return {
    ...one,
    quantity,
    eventCount: one.eventCount + more.eventCount,
    lastOccurredAt: new Date(lastOccurredAtMs),
  };
}

const countedOf = ({ quantity, lastOccurredAt }: TotalDelta) => ({
  quantity,
  lastOccurredAtMs: lastOccurredAt.getTime(),
});

/** The start of the window of UTC that holds an instant. */
export const startOfWindow = (at: Date, windowMinutes: number): Date => {
  const windowMs = windowMinutes * 60_000;
  return new Date(Math.floor(at.getTime() / windowMs) * windowMs);
};

/** What minutes add to their hours. */
export const foldHours = (aggregation: LiveAggregation, minutes: readonly TotalDelta[]): TotalDelta[] =>
  foldDeltas(
    aggregation,
    minutes.map((delta) => ({ ...delta, at: startOfWindow(delta.at, 60) })),
    ({ accountId, metric, at }) => `${accountId} ${metric} ${at.getTime()}`,
  );
