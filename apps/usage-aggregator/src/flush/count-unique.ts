import { uniqueValueOf } from "@driftlock/contracts";
import { type Transaction, type usageTotals, usageUniqueValues } from "@driftlock/db";
import type { TotalsOfBatch } from "./build-totals.ts";
import type { AccountUsage, GroupedRows, MetricUsage } from "./group-rows.ts";
import { type Periods, periodStartOf } from "./place-rows.ts";

type UniqueValue = usageUniqueValues.UniqueValue;
type NewValues = usageUniqueValues.NewValuesRow;
type Delta = usageTotals.TotalDelta;

/** Adds to the totals of `unique` metrics the values that their periods have not seen before, and remembers them. */
export async function countUnique(
  tx: Transaction,
  { accounts }: GroupedRows,
  { periods, totals }: { periods: Periods; totals: TotalsOfBatch },
): Promise<void> {
  const values: UniqueValue[] = [];
  for (const account of accounts)
    for (const usage of account.metrics.values())
      if (usage.definition?.aggregation === "unique") values.push(...valuesOf(account, usage, periods));
  if (values.length === 0) return;
  const added = Map.groupBy(
    await usageUniqueValues.insertUniqueValues(tx, values),
    ({ accountId }) => accountId,
  );
  const count = (delta: Delta, atMsOf: (row: NewValues) => number) => {
    for (const row of added.get(delta.accountId) ?? [])
      if (row.metric === delta.metric && atMsOf(row) === delta.atMs) delta.quantity += row.count;
  };
  for (const delta of totals.periods.add) count(delta, ({ periodStartMs }) => periodStartMs);
  for (const delta of totals.minutes.add) count(delta, ({ minuteMs }) => minuteMs);
}

/** Each value once for each period, with the minute of the first event that has it. */
function valuesOf({ accountId, rows }: AccountUsage, usage: MetricUsage, periods: Periods): UniqueValue[] {
  const { metric, definition } = usage;
  const byPeriod = new Map<number, Map<string, UniqueValue>>();
  for (const { metric: itsMetric, occurredAtMs, propertiesJson } of rows) {
    if (itsMetric !== metric) continue;
    const periodStartMs = periodStartOf(periods, accountId, occurredAtMs);
    const value = valueOf(propertiesJson, definition?.uniqueProperty ?? null);
    if (value === null || periodStartMs === null) continue;
    const seen = byPeriod.get(periodStartMs) ?? new Map<string, UniqueValue>();
    byPeriod.set(periodStartMs, seen);
    const minuteMs = occurredAtMs - (occurredAtMs % 60_000);
    if (minuteMs < (seen.get(value)?.minuteMs ?? Infinity))
      seen.set(value, { accountId, metric, periodStartMs, value, minuteMs });
  }
  return [...byPeriod.values()].flatMap((seen) => [...seen.values()]);
}

/** Null also for what is no JSON: Postgres refuses that row by itself. */
function valueOf(propertiesJson: string | null, property: string | null): string | null {
  if (propertiesJson === null || property === null) return null;
  try {
    return uniqueValueOf(JSON.parse(propertiesJson), property);
  } catch {
    return null;
  }
}
