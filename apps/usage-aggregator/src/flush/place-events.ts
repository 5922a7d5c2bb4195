import type { LiveAggregation, UsageEvent } from "@driftlock/contracts";
import { type Transaction, usagePeriods } from "@driftlock/db";
import type { PlacedEvent, SetAsideEvent } from "./placed-event.ts";

/**
 * Finds the period of each event by its timestamp, under the lock that whoever cuts a period waits for. A closed
 * period takes what was accepted before its close was known at the gateway: its total then exceeds what was reported,
 * which is what an adjustment is made from.
 */
export async function placeEvents(
  tx: Transaction,
  events: readonly UsageEvent[],
  aggregations: ReadonlyMap<string, LiveAggregation>,
): Promise<{ placed: PlacedEvent[]; aside: SetAsideEvent[] }> {
  const periods = await listPeriods(tx, events);
  const placed: PlacedEvent[] = [];
  const aside: SetAsideEvent[] = [];
  for (const event of events) {
    const aggregation = aggregations.get(event.metric);
    const at = event.occurredAtMs;
    const period = periods.get(event.accountId)?.find(({ startMs, endMs }) => startMs <= at && at < endMs);
    if (aggregation === undefined) {
      aside.push({ event, counted: null, reason: "unknown-metric", detail: `no metric ${event.metric}` });
    } else if (period === undefined) {
      const detail = `no period of ${event.accountId} holds ${new Date(at).toISOString()}`;
      aside.push({ event, counted: null, reason: "no-period", detail });
    } else {
      placed.push({ event, aggregation, periodStart: new Date(period.startMs) });
    }
  }
  return { placed, aside };
}

async function listPeriods(tx: Transaction, events: readonly UsageEvent[]) {
  let fromMs = Infinity;
  let toMs = -Infinity;
  for (const { occurredAtMs } of events) {
    fromMs = Math.min(fromMs, occurredAtMs);
    toMs = Math.max(toMs, occurredAtMs);
  }
  const rows =
    events.length === 0
      ? []
      : await usagePeriods.listPeriodsLocked(tx, {
          accountIds: [...new Set(events.map(({ accountId }) => accountId))].sort(),
          from: new Date(fromMs),
          to: new Date(toMs),
        });
  const spans = rows.map((row) => ({
    accountId: row.accountId,
    startMs: row.start.getTime(),
    endMs: row.end.getTime(),
  }));
  return Map.groupBy(spans, ({ accountId }) => accountId);
}
