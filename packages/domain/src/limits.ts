import {
  type AccountLimits,
  eventAgeMaxMs,
  type LimitSegment,
  type LiveAggregation,
  type MetricLimit,
} from "@driftlock/contracts";
import type { Aggregation, OveragePolicy, PlanId } from "@driftlock/contracts";
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
  metrics: readonly { metric: string; aggregation: Aggregation; uniqueProperty: string | null }[];
  /** What the customer is willing to pay past the included quantities, for each period; null is no cap. */
  spendCapMinor: number | null;
  now: Date;
}

/**
 * The limits that go beside an account's live counters: a segment for each period that an event may still fall in
 * (DESIGN 2.3: 35 days back), with the limits of that period's plan version. Null where no period holds `now`:
 * unknown never means allowed. Throws where a period's plan version is not among `plans`.
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
      return {
        startMs: period.periodStart.getTime(),
        endMs: period.periodEnd.getTime(),
        isClosed: period.closedAt !== null,
        planId: period.planId,
        metrics: metricLimits(plan.limits, { metrics: metricsByName, spendCapMinor }),
      };
    })
    .sort((one, other) => one.startMs - other.startMs);
  const present = segments.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
  return present ? { accountId, version, validUntilMs: present.endMs, segments } : null;
}

type PlanLimit = LimitsInput["plans"][number]["limits"][number];
type Metric = LimitsInput["metrics"][number];

function metricLimits(
  limits: readonly PlanLimit[],
  { metrics, spendCapMinor }: { metrics: ReadonlyMap<string, Metric>; spendCapMinor: number | null },
): Record<string, MetricLimit> {
  return Object.fromEntries(
    limits.flatMap((planLimit) => {
      const metric = metrics.get(planLimit.metric);
      if (metric === undefined) return [];
      const limit: MetricLimit = {
        limit: planLimit.includedQuantity,
        policy: planLimit.overagePolicy,
        aggregation: metric.aggregation,
        hardLimit: hardLimitOf(planLimit, spendCapMinor),
        uniqueProperty: metric.uniqueProperty,
      };
      return [[metric.metric, limit]];
    }),
  );
}

/** Where a billed metric is refused after all, because more would cost more than the customer's cap. */
function hardLimitOf(limit: PlanLimit, spendCapMinor: number | null): number | null {
  const { includedQuantity, overageAmountMinor: amountMinor, overagePerUnits: perUnits } = limit;
  if (spendCapMinor === null || limit.overagePolicy !== "bill") return null;
  if (includedQuantity === null || amountMinor === null || perUnits === null) return null;
  return quantityWithinCap({ includedQuantity, amountMinor, perUnits }, spendCapMinor);
}

/** Whether a metric's value follows from the value before and the event alone. */
export const isLive = (aggregation: Aggregation): aggregation is LiveAggregation => aggregation !== "unique";
