import { AppError, toPeriodDto, type UsageDto } from "@driftlock/contracts";
import { quotaStanding } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { UsageGate } from "../usage/usage-gate.ts";

/** Where an account stands in its present period, from the live counters: what was accepted is in it at once. */
export const createGetUsage =
  ({ gate, clock }: { gate: UsageGate; clock: Clock }) =>
  async (accountId: string): Promise<UsageDto> => {
    const live = await gate.read(accountId);
    const nowMs = clock.now().getTime();
    const segment = live.limits.segments.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
    if (segment === undefined)
      throw new AppError("UNAVAILABLE", "The present period is not known yet; try again.");
    const period = { start: new Date(segment.startMs), end: new Date(segment.endMs) };
    return {
      accountId,
      planId: segment.planId,
      period: toPeriodDto(period),
      metrics: Object.entries(segment.metrics).map(([metric, limit]) => {
        const used = live.used(segment.startMs, metric);
        const held = live.held(segment.startMs, metric);
        return {
          metric,
          used,
          held,
          limit: limit.limit,
          ...quotaStanding(limit, { used, held }),
          overagePolicy: limit.policy,
          resetsAt: period.end.toISOString(),
        };
      }),
    };
  };
