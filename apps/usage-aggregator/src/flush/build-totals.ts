import { usageTotals } from "@driftlock/db";
import { countEvent } from "@driftlock/domain";
import type { AccountUsage, GroupedRows, MetricUsage, MinuteUsage } from "./group-rows.ts";
import { type Periods, periodStartOf } from "./place-rows.ts";

type TotalDelta = usageTotals.TotalDelta;
export type Deltas = Record<usageTotals.TotalMerge, TotalDelta[]>;

/** What a batch adds to its totals, in the order of their keys, so that two writers never wait for each other. */
export interface TotalsOfBatch {
  periods: Deltas;
  minutes: Deltas;
}

/** Adds up the periods from the minutes; only a minute that a period ends in is gone through event by event. */
export function buildTotals({ accounts }: GroupedRows, periods: Periods): TotalsOfBatch {
  const totals: TotalsOfBatch = {
    periods: { add: [], max: [], last: [] },
    minutes: { add: [], max: [], last: [] },
  };
  for (const account of accounts) {
    const metrics = [...account.metrics.values()].sort(byText(({ metric }) => metric));
    for (const usage of metrics) {
      if (usage.definition === null) continue;
      const merge = usageTotals.mergeOf(usage.definition.aggregation);
      const minutes = [...usage.minutes.values()].sort((one, other) => one.minuteMs - other.minuteMs);
      const ofPeriods = new Map<number, TotalDelta>();
      for (const minute of minutes) {
        totals.minutes[merge].push(deltaOf(account, usage, minute.minuteMs, minute));
        addToPeriods(ofPeriods, { account, usage, minute, periods });
      }
      totals.periods[merge].push(...[...ofPeriods.values()].sort((one, other) => one.atMs - other.atMs));
    }
  }
  return totals;
}

const byText =
  <T>(textOf: (each: T) => string) =>
  (one: T, other: T): number =>
    textOf(one) < textOf(other) ? -1 : 1;

const deltaOf = (
  { accountId }: AccountUsage,
  { metric }: MetricUsage,
  atMs: number,
  {
    quantity,
    eventCount,
    lastOccurredAtMs,
  }: Pick<MinuteUsage, "quantity" | "eventCount" | "lastOccurredAtMs">,
): TotalDelta => ({ accountId, metric, atMs, quantity, eventCount, lastOccurredAtMs });

interface Part {
  account: AccountUsage;
  usage: MetricUsage;
  minute: MinuteUsage;
  periods: Periods;
}

function addToPeriods(totals: Map<number, TotalDelta>, { account, usage, minute, periods }: Part): void {
  const startOf = (atMs: number) => periodStartOf(periods, account.accountId, atMs);
  const totalOf = (startMs: number) => {
    const total =
      totals.get(startMs) ??
      deltaOf(account, usage, startMs, { quantity: 0, eventCount: 0, lastOccurredAtMs: 0 });
    totals.set(startMs, total);
    return total;
  };
  const first = startOf(minute.firstOccurredAtMs);
  if (first !== null && first === startOf(minute.lastOccurredAtMs)) {
    mergeMinute(totalOf(first), usage, minute);
    return;
  }
  for (const row of account.rows) {
    const startMs = startOf(row.occurredAtMs);
    if (startMs === null || row.metric !== usage.metric) continue;
    if (row.occurredAtMs < minute.firstOccurredAtMs || row.occurredAtMs > minute.lastOccurredAtMs) continue;
    const total = totalOf(startMs);
    if (usage.definition !== null) Object.assign(total, countEvent(usage.definition.aggregation, total, row));
    total.eventCount++;
  }
}

function mergeMinute(total: TotalDelta, { definition }: MetricUsage, minute: MinuteUsage): void {
  const merge = usageTotals.mergeOf(definition?.aggregation ?? "sum");
  if (merge === "add") total.quantity += minute.quantity;
  else if (merge === "max") total.quantity = Math.max(total.quantity, minute.quantity);
  else if (minute.lastOccurredAtMs >= total.lastOccurredAtMs) total.quantity = minute.quantity;
  total.eventCount += minute.eventCount;
  total.lastOccurredAtMs = Math.max(total.lastOccurredAtMs, minute.lastOccurredAtMs);
}
