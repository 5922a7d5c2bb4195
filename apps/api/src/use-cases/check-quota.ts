import {
  AppError,
  type QuotaCheckBody,
  type QuotaCheckDto,
  type QuotaItemDto,
  type UsageEvent,
} from "@driftlock/contracts";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import type { LookUpRefused } from "../usage/look-up-refused.ts";
import type { GateDecision, UsageGate } from "../usage/usage-gate.ts";
import { faultOfId } from "../usage/validate-event.ts";
import { toQuotaItem } from "./quota-item.ts";

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
  clock: Clock;
  catalogCache: CatalogCache;
  gate: UsageGate;
  lookUpRefused: LookUpRefused;
}

export function createCheckQuota({ clock, catalogCache, gate, lookUpRefused }: Deps): CheckQuota {
  /** Items that turn out to be counted already leave the call, and the others are decided again without them. */
  async function consume(events: readonly UsageEvent[]): Promise<readonly GateDecision[]> {
    const decided = (await gate.decide(events, "all")).decisions;
    const decisions = await lookUpRefused(events, decided);
    const isFound = (index: number) =>
      decisions[index]?.verdict === "duplicate" && decided[index]?.verdict !== "duplicate";
    const others = events.filter((_, index) => !isFound(index));
    if (others.length === events.length || others.length === 0) return decisions;
    const again = (await gate.decide(others, "all")).decisions.values();
    return decisions.map((decision, index) => (isFound(index) ? decision : (again.next().value ?? decision)));
  }

  return async (accountId, check) => {
    const { aggregations } = await catalogCache.get();
    const nowMs = clock.now().getTime();
    const events = check.items.map((item, index) => toEvent(accountId, nowMs, { item, index }));
    const decisions = check.consume ? await consume(events) : (await gate.decide(events, "check")).decisions;
    const items = decisions.map((decision, index): QuotaItemDto => {
      if (decision.verdict === "unknown-account")
        throw new AppError("ACCOUNT_NOT_FOUND", `There is no account "${accountId}".`);
      const metric = events[index]?.metric ?? "";
      return toQuotaItem({ ...decision, metric, isMetric: aggregations.has(metric) });
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
  };
}
