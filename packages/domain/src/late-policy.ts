import type { LatePolicy, OveragePolicy } from "@driftlock/contracts";
import { closeLatenessMs } from "./close-schedule.ts";

interface MetricOfPeriod {
  periodEnd: Date;
  closedAt: Date | null;
  /** Of the period's plan. */
  overagePolicy: OveragePolicy;
  latePolicy: LatePolicy;
}

/**
 * Whether a metric's events of this period are refused (`period-closed`). Once it is closed, what the plan does not bill
 * is: there is no money to carry. What it bills goes on to be taken, save with `reject` (docs/decisions/0019).
 */
export function refusesLate(of: MetricOfPeriod, now: Date): boolean {
  if (of.closedAt !== null) return of.overagePolicy !== "bill" || of.latePolicy === "reject";
  const at = lateRefusalAt(of);
  return at !== null && now >= at;
}

/** When an open period's metric refuses its events, however long the close takes; null for never. */
export const lateRefusalAt = ({ periodEnd, overagePolicy, latePolicy }: MetricOfPeriod): Date | null =>
  overagePolicy === "bill" && latePolicy === "reject"
    ? new Date(periodEnd.getTime() + closeLatenessMs)
    : null;
