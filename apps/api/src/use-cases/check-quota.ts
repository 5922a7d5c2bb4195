import {
  AppError,
  type QuotaCheckBody,
  type QuotaCheckDto,
  type QuotaItemDto,
  type UsageEvent,
} from "@driftlock/contracts";
import type { Db } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import type { GateDecision, UsageGate } from "../usage/usage-gate.ts";
import { faultOfId, hashPayload } from "../usage/validate-event.ts";
import { lookUpRefused } from "./record-usage.ts";

type CheckedItem = QuotaCheckBody["items"][number];

/**
 * Whether quantities fit, all or none; with `consume` they are recorded as events of this instant, all or none, and a
 * repeat is allowed without being counted again. @throws ACCOUNT_NOT_FOUND, INVALID for a bad id, UNAVAILABLE.
 */
export type CheckQuota = (
  accountId: string,
  check: { items: readonly CheckedItem[]; consume: boolean },
) => Promise<QuotaCheckDto>;

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
  gate: UsageGate;
}

export function createCheckQuota({ db, clock, catalogCache, gate }: Deps): CheckQuota {
  /** Items that turn out to be counted already leave the call, and the others are decided again without them. */
  async function consume(events: readonly UsageEvent[]): Promise<GateDecision[]> {
    const decided = await gate.decide(events, "all");
    const decisions = await lookUpRefused(db, events, decided);
    const isFound = (index: number) =>
      decisions[index]?.verdict === "duplicate" && decided[index]?.verdict !== "duplicate";
    const others = events.filter((_, index) => !isFound(index));
    if (others.length === events.length || others.length === 0) return decisions;
    const again = (await gate.decide(others, "all")).values();
    return decisions.map((decision, index) => (isFound(index) ? decision : (again.next().value ?? decision)));
  }

  return async (accountId, check) => {
    const { aggregations } = await catalogCache.get();
    const nowMs = clock.now().getTime();
    const events = check.items.map((item, index) => toEvent(accountId, nowMs, { item, index }));
    const decisions = check.consume ? await consume(events) : await gate.decide(events, "check");
    const items = decisions.map((decision, index): QuotaItemDto => {
      const metric = events[index]?.metric ?? "";
      return toItem(metric, decision, { accountId, isMetric: aggregations.has(metric) });
    });
    return { allowed: items.every(({ allowed }) => allowed), items };
  };
}

function toEvent(
  accountId: string,
  nowMs: number,
  { item, index }: { item: CheckedItem; index: number },
): UsageEvent {
  const fault = item.id === undefined ? null : faultOfId(item.id);
  if (fault !== null) {
    throw new AppError("INVALID", `items.${index}: ${fault}`, {
      extensions: { errors: [{ path: `body.items.${index}.id`, message: fault }] },
    });
  }
  return {
    id: item.id ?? "",
    accountId,
    metric: item.metric,
    quantity: item.quantity,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    propertiesJson: null,
    payloadHash: hashPayload(item.metric, item.quantity, null),
  };
}

function toItem(
  metric: string,
  decision: GateDecision,
  { accountId, isMetric }: { accountId: string; isMetric: boolean },
): QuotaItemDto {
  if (decision.verdict === "unknown-account") {
    throw new AppError("ACCOUNT_NOT_FOUND", `There is no account "${accountId}".`);
  }
  const { used, limit, resetsAtMs } = decision.counter ?? { used: 0, limit: 0, resetsAtMs: null };
  const code = codeOf(decision, isMetric);
  return {
    metric,
    allowed: code === null,
    limit,
    used,
    remaining: limit === null ? null : Math.max(0, limit - used),
    resetsAt: new Date(resetsAtMs ?? 0).toISOString(),
    ...(code !== null && { code }),
  };
}

function codeOf({ verdict }: GateDecision, isMetric: boolean): QuotaItemDto["code"] | null {
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
    default:
      return "QUOTA_EXCEEDED";
  }
}
