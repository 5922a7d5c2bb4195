import { type AccountLimits, uniqueValueOf, type UsageEvent, type UsageOutcome } from "@driftlock/contracts";
import { type Counted, countedNothing, decideQuota } from "@driftlock/domain";
import type { Snapshot } from "../usage/snapshot-limits.ts";

/** `held-back`: it would wait for an operator. */
export type ForecastOutcome = "accepted" | "held-back" | Exclude<UsageOutcome, "invalid" | "unknown-metric">;

/** How a period's total would change. */
export interface ForecastTotal {
  accountId: string;
  metric: string;
  startMs: number;
  endMs: number;
  isClosed: boolean;
  planId: string;
  planVersion: number;
  /** What earlier parts of its billing period have used of the metric. */
  carried: number;
  fromQuantity: number;
  toQuantity: number;
}

export interface Forecast {
  /** Judges the next event, and counts it where it would be. */
  judge(event: UsageEvent): ForecastOutcome;
  /** The totals that have changed. */
  totals(): ForecastTotal[];
}

interface Given {
  accounts: readonly (Snapshot & { limits: AccountLimits })[];
  /** Which of the events are stored. */
  known: readonly { accountId: string; id: string; isSamePayload: boolean }[];
  /** Metrics whose events of a closed period wait for an operator. */
  reviewed: ReadonlySet<string>;
}

/** Judges events as the gateway does, over totals of its own. */
export function createUsageForecast({ accounts, known, reviewed }: Given): Forecast {
  const byId = new Map(accounts.map((account) => [account.accountId, account]));
  const stored = new Map(
    known.map(({ accountId, id, isSamePayload }) => [`${accountId}\n${id}`, isSamePayload]),
  );
  const payloads = new Map<string, string>();
  const counted = new Map<string, Counted>();
  const values = new Set<string>();
  for (const { accountId, totals, uniques } of accounts) {
    for (const { segmentStartMs, metric, quantity, lastOccurredAtMs } of totals)
      counted.set(keyOf(accountId, segmentStartMs, metric), { quantity, lastOccurredAtMs });
    for (const { segmentStartMs, metric, values: seen } of uniques)
      for (const value of seen) values.add(`${keyOf(accountId, segmentStartMs, metric)} ${value}`);
  }
  const before = new Map(counted);
  const changed = new Map<string, Omit<ForecastTotal, "fromQuantity" | "toQuantity">>();

  function judgeNew(event: UsageEvent): ForecastOutcome {
    const account = byId.get(event.accountId);
    if (account === undefined) return "unknown-account";
    const { metric, occurredAtMs, accountId } = event;
    const period = account.periods.find(
      ({ startMs, endMs }) => startMs <= occurredAtMs && occurredAtMs < endMs,
    );
    const key = keyOf(accountId, period?.startMs ?? 0, metric);
    const limit = account.limits.segments.find(({ startMs }) => startMs === period?.startMs)?.metrics[metric];
    const value = `${key} ${valueOf(event, limit?.uniqueProperty ?? null)}`;
    const decision = decideQuota(
      account.limits,
      { ...event, isNewValue: !values.has(value) },
      () => counted.get(key) ?? countedNothing,
    );
    if (decision.outcome !== "accepted") return outcomeOf(decision.outcome);
    if (period === undefined) return "period-closed";
    if (period.isClosed && reviewed.has(metric)) return "held-back";
    counted.set(key, decision.counted);
    values.add(value);
    changed.set(key, { ...period, carried: period.carried[metric] ?? 0, accountId, metric });
    return "accepted";
  }

  return {
    judge: (event) => {
      const id = `${event.accountId}\n${event.id}`;
      const payload = `${event.metric}:${event.quantity}:${event.propertiesJson}`;
      const earlier = payloads.get(id);
      const isSame = stored.get(id) ?? (earlier === undefined ? undefined : earlier === payload);
      if (isSame !== undefined) return isSame ? "duplicate" : "conflict";
      const outcome = judgeNew(event);
      if (outcome === "accepted" || outcome === "held-back") payloads.set(id, payload);
      return outcome;
    },
    totals: () =>
      [...changed].map(([key, total]) => ({
        ...total,
        fromQuantity: before.get(key)?.quantity ?? 0,
        toQuantity: counted.get(key)?.quantity ?? 0,
      })),
  };
}

const keyOf = (accountId: string, startMs: number, metric: string): string =>
  `${accountId} ${startMs} ${metric}`;

const valueOf = ({ propertiesJson }: UsageEvent, property: string | null): string =>
  property === null ? "" : (uniqueValueOf(JSON.parse(propertiesJson ?? "null"), property) ?? "");

function outcomeOf(refusal: Exclude<ReturnType<typeof decideQuota>["outcome"], "accepted">): ForecastOutcome {
  return refusal === "period-closed" || refusal === "no-period" ? "period-closed" : "quota-exceeded";
}
