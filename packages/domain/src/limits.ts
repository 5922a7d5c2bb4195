import {
  type AccountLimits,
  eventAgeMaxMs,
  type LimitSegment,
  type LiveAggregation,
  type MetricLimit,
} from "@driftlock/contracts";
import type { Aggregation, OveragePolicy, PlanId } from "@driftlock/contracts";

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
    limits: readonly { metric: string; includedQuantity: number | null; overagePolicy: OveragePolicy }[];
  }[];
  metrics: readonly { metric: string; aggregation: Aggregation }[];
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
  now,
}: LimitsInput): AccountLimits | null {
  const nowMs = now.getTime();
  const aggregations = new Map(metrics.map(({ metric, aggregation }) => [metric, aggregation]));
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
        metrics: metricLimits(plan.limits, aggregations),
      };
    })
    .sort((one, other) => one.startMs - other.startMs);
  const present = segments.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
  return present ? { accountId, version, validUntilMs: present.endMs, segments } : null;
}

function metricLimits(
  limits: LimitsInput["plans"][number]["limits"],
  aggregations: ReadonlyMap<string, Aggregation>,
): Record<string, MetricLimit> {
  return Object.fromEntries(
    limits.flatMap(({ metric, includedQuantity, overagePolicy }) => {
      const aggregation = aggregations.get(metric);
      return aggregation === undefined || !isLive(aggregation)
        ? []
        : [[metric, { limit: includedQuantity, policy: overagePolicy, aggregation }]];
    }),
  );
}

/** Whether a metric's values can be counted as they arrive; `unique` is refused until it can. */
export const isLive = (aggregation: Aggregation): aggregation is LiveAggregation => aggregation !== "unique";
