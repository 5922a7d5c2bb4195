import type { usageTotals } from "@driftlock/db";
import { mergeCounted } from "@driftlock/domain";

type TotalDelta = usageTotals.TotalDelta;
type TotalMerge = usageTotals.TotalMerge;

/** Joins what has the same identity; in the order of the first of each. */
export function foldDeltas<Delta extends TotalDelta>(
  merge: TotalMerge,
  deltas: readonly Delta[],
  identityOf: (delta: Delta) => string,
): Delta[] {
  const folded = new Map<string, Delta>();
  for (const delta of deltas) {
    const identity = identityOf(delta);
    const before = folded.get(identity);
    folded.set(identity, before === undefined ? delta : join(merge, before, delta));
  }
  return [...folded.values()];
}

function join<Delta extends TotalDelta>(merge: TotalMerge, one: Delta, more: Delta): Delta {
  const { quantity, lastOccurredAtMs } = mergeCounted(merge === "add" ? "sum" : merge, one, more);
  return {
    ...one,
    quantity,
    eventCount: one.eventCount + more.eventCount,
    lastOccurredAtMs,
  };
}

/** The start of the window of UTC that holds an instant. */
export const startOfWindow = (atMs: number, windowMinutes: number): number => {
  const windowMs = windowMinutes * 60_000;
  return Math.floor(atMs / windowMs) * windowMs;
};

/** What minutes add to their hours. */
export const foldHours = (merge: TotalMerge, minutes: readonly TotalDelta[]): TotalDelta[] =>
  foldDeltas(
    merge,
    minutes.map((delta) => ({ ...delta, atMs: startOfWindow(delta.atMs, 60) })),
    ({ accountId, metric, atMs }) => `${accountId} ${metric} ${atMs}`,
  );
