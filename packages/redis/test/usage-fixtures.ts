import type { AccountLimits, LiveAggregation, MetricLimit, UsageEvent } from "@driftlock/contracts";

export const dayMs = 24 * 60 * 60 * 1000;
export const startMs = Date.UTC(2026, 2, 1);
export const nowMs = startMs + 10 * dayMs;

export const limitOf = (
  limit: number | null,
  policy: MetricLimit["policy"] = limit === null ? "unlimited" : "refuse",
  aggregation: LiveAggregation = "sum",
): MetricLimit => ({ limit, policy, aggregation });

/** One open period of 30 days around `nowMs`, and the next. */
export function limitsOf(
  accountId: string,
  metrics: Record<string, MetricLimit>,
  version = 1,
): AccountLimits {
  const endMs = startMs + 30 * dayMs;
  return {
    accountId,
    version,
    validUntilMs: endMs,
    segments: [
      { startMs, endMs, isClosed: false, planId: "free", metrics },
      { startMs: endMs, endMs: endMs + 30 * dayMs, isClosed: false, planId: "free", metrics },
    ],
  };
}

export const eventOf = (accountId: string, id: string, event: Partial<UsageEvent> = {}): UsageEvent => ({
  accountId,
  id,
  metric: "events",
  quantity: 1,
  occurredAtMs: nowMs,
  receivedAtMs: nowMs,
  propertiesJson: null,
  payloadHash: event.quantity ?? 1,
  ...event,
});
