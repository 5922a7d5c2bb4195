import {
  type AccountLimits,
  eventAgeMaxMs,
  type LimitSegment,
  type LiveAggregation,
  type MetricLimit,
} from "@driftlock/contracts";
import type { Aggregation, LatePolicy, OveragePolicy, PlanId } from "@driftlock/contracts";
import { lateRefusalAt, refusesLate } from "./late-policy.ts";
import { leftOf } from "./carried.ts";
import { quantityWithinCap } from "./spend-cap.ts";

export interface LimitsInput {
  accountId: string;
  /** `accounts.limits_version`, read in the same snapshot as the periods. */
  version: number;
  /** The account's periods, in any order; they tile its time. */
  periods: readonly {
    periodStart: Date;
    periodEnd: Date;
    planId: PlanId;
    planVersion: number;
    closedAt: Date | null;
    /** Its usage is not billed. */
    isTrial: boolean;
    /** By metric, what earlier parts of its billing period have used of what the plan includes (carried.ts). */
    carried?: Readonly<Record<string, number>>;
  }[];
  plans: readonly {
    planId: string;
    version: number;
    limits: readonly {
      metric: string;
      includedQuantity: number | null;
      overagePolicy: OveragePolicy;
      overageAmountMinor: number | null;
      overagePerUnits: number | null;
    }[];
  }[];
  metrics: readonly {
    metric: string;
    aggregation: Aggregation;
    uniqueProperty: string | null;
    latePolicy: LatePolicy;
  }[];
  /** What the customer is willing to pay past the included quantities, for each period; null is no cap. */
  spendCapMinor: number | null;
  now: Date;
}

/**
 * The limits that go beside an account's live counters: a segment for each period that an event may still fall in
 * (DESIGN 2.3: 35 days back), with the limits of that period's plan version. Null where no period holds `now`:
 * unknown never means allowed. Valid until the present period ends, or a metric of the one before ends by its policy.
 * Throws where a period's plan version is not among `plans`.
 */
export function accountLimits({
  accountId,
  version,
  periods,
  plans,
  metrics,
  spendCapMinor,
  now,
}: LimitsInput): AccountLimits | null {
  const nowMs = now.getTime();
  const metricsByName = new Map(metrics.map((metric) => [metric.metric, metric]));
  const refusalsMs: number[] = [];
  const segments = periods
    .filter(({ periodEnd }) => periodEnd.getTime() > nowMs - eventAgeMaxMs)
    .map((period): LimitSegment => {
      const plan = plans.find(
        ({ planId, version }) => planId === period.planId && version === period.planVersion,
      );
      if (!plan)
        throw new Error(
          `plan ${period.planId} v${period.planVersion} of ${accountId} is not in the catalogue`,
        );
      const ofPeriod = { period, metrics: metricsByName, spendCapMinor, now };
      refusalsMs.push(...lateRefusals(plan.limits, ofPeriod));
      return {
        startMs: period.periodStart.getTime(),
        endMs: period.periodEnd.getTime(),
        isClosed: period.closedAt !== null,
        planId: period.planId,
        metrics: metricLimits(plan.limits, ofPeriod),
      };
    })
    .sort((one, other) => one.startMs - other.startMs);
  const present = segments.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
  if (present === undefined) return null;
  const validUntilMs = Math.min(present.endMs, ...refusalsMs.filter((atMs) => atMs > nowMs));
  return { accountId, version, validUntilMs, segments };
}

type PlanLimit = LimitsInput["plans"][number]["limits"][number];
type Metric = LimitsInput["metrics"][number];

interface OfPeriod extends Pick<LimitsInput, "spendCapMinor" | "now"> {
  period: LimitsInput["periods"][number];
  metrics: ReadonlyMap<string, Metric>;
}

/** When metrics of a period that is open refuse its events all the same. */
const lateRefusals = (limits: readonly PlanLimit[], { period, metrics }: OfPeriod): number[] =>
  limits.flatMap((planLimit) => {
    const metric = metrics.get(planLimit.metric);
    const at = metric && lateRefusalAt({ ...period, ...planLimit, ...metric });
    return at ? [at.getTime()] : [];
  });

function metricLimits(
  limits: readonly PlanLimit[],
  { period, metrics, spendCapMinor, now }: OfPeriod,
): Record<string, MetricLimit> {
  return Object.fromEntries(
    limits.flatMap((planLimit) => {
      const metric = metrics.get(planLimit.metric);
      if (metric === undefined) return [];
      const carried = period.carried?.[metric.metric] ?? 0;
      const limit: MetricLimit = {
        limit: leftOf(planLimit.includedQuantity, carried),
        policy: planLimit.overagePolicy,
        aggregation: metric.aggregation,
        hardLimit: leftOf(hardLimitOf(planLimit, period.isTrial ? 0 : spendCapMinor), carried),
        uniqueProperty: metric.uniqueProperty,
        isClosed: refusesLate({ ...period, ...planLimit, ...metric }, now),
      };
      return [[metric.metric, limit]];
    }),
  );
}

/** Where a billed metric is refused after all, because more would cost more than the cap: in a trial, nothing. */
function hardLimitOf(limit: PlanLimit, spendCapMinor: number | null): number | null {
  const { includedQuantity, overageAmountMinor: amountMinor, overagePerUnits: perUnits } = limit;
  if (spendCapMinor === null || limit.overagePolicy !== "bill") return null;
  if (includedQuantity === null || amountMinor === null || perUnits === null) return null;
  return quantityWithinCap({ includedQuantity, amountMinor, perUnits }, spendCapMinor);
}

/** Whether a metric's value follows from the value before and the event alone. */
export const isLive = (aggregation: Aggregation): aggregation is LiveAggregation => aggregation !== "unique";
