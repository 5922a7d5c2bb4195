import type { QuotaItemDto } from "@driftlock/contracts";
import type { CounterStanding, Verdict } from "@driftlock/redis";

interface Decided {
  metric: string;
  verdict: Verdict;
  counter?: CounterStanding;
  /** Whether there is a metric of that name, in the plan or not. */
  isMetric: boolean;
}

/** How one quantity of a quota question was decided. What reservations hold is not used yet, and not free either. */
export function toQuotaItem({ metric, verdict, counter, isMetric }: Decided): QuotaItemDto {
  const { used, held, limit, hardLimit, resetsAtMs } = counter ?? nothing;
  const code = codeOf(verdict, isMetric);
  const end = hardLimit ?? limit;
  return {
    metric,
    allowed: code === null,
    limit,
    used,
    remaining: end === null ? null : Math.max(0, end - used - held),
    resetsAt: new Date(resetsAtMs ?? 0).toISOString(),
    ...(code !== null && { code }),
  };
}

const nothing: CounterStanding = { used: 0, held: 0, limit: 0, hardLimit: null, resetsAtMs: null };

function codeOf(verdict: Verdict, isMetric: boolean): NonNullable<QuotaItemDto["code"]> | null {
  switch (verdict) {
    case "accepted":
    case "duplicate":
      return null;
    case "conflict":
      return "EVENT_CONFLICT";
    case "not-in-plan":
      return isMetric ? "QUOTA_EXCEEDED" : "UNKNOWN_METRIC";
    case "total-too-large":
      return "INVALID_EVENT";
    case "period-closed":
      return "PERIOD_CLOSED";
    case "quota-exceeded":
    case "no-period":
      return "QUOTA_EXCEEDED";
  }
}
