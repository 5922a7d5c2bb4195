import { type Transaction, usagePeriods } from "@driftlock/db";
import type { StreamRow } from "@driftlock/redis";
import type { GroupedRows, MetricUsage } from "./group-rows.ts";
import { type SetAsideRow, setAside } from "./set-aside.ts";

export type Periods = ReadonlyMap<string, readonly usagePeriods.PeriodSpanRow[]>;

const accountIdForm = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The periods that the rows fall in by their timestamps, under the lock that whoever cuts a period waits for. A closed
 * period takes what the gateway has accepted: its total then exceeds what was billed, which is what an adjustment is made
 * from (late-rows.ts).
 */
export async function lockPeriods(tx: Transaction, { accounts }: GroupedRows): Promise<Periods> {
  // What cannot be an account's id is not asked for: Postgres could refuse the very question.
  const accountIds = accounts.map(({ accountId }) => accountId).filter((id) => accountIdForm.test(id));
  if (accountIds.length === 0) return new Map();
  let fromMs = Infinity;
  let toMs = -Infinity;
  for (const { metrics } of accounts) {
    for (const { minutes } of metrics.values()) {
      for (const { firstOccurredAtMs, lastOccurredAtMs } of minutes.values()) {
        fromMs = Math.min(fromMs, firstOccurredAtMs);
        toMs = Math.max(toMs, lastOccurredAtMs);
      }
    }
  }
  const spans = await usagePeriods.listPeriodsLocked(tx, {
    accountIds,
    from: new Date(fromMs),
    to: new Date(toMs),
  });
  return Map.groupBy(spans, ({ accountId }) => accountId);
}

/** Where the period starts that holds the instant; null where none does. */
export function periodStartOf(periods: Periods, accountId: string, atMs: number): number | null {
  for (const { startMs, endMs } of periods.get(accountId) ?? [])
    if (startMs <= atMs && atMs < endMs) return startMs;
  return null;
}

/** The rows that count nowhere. */
export function findUnplaced({ accounts }: GroupedRows, periods: Periods): SetAsideRow[] {
  const aside: SetAsideRow[] = [];
  for (const { accountId, rows, metrics } of accounts) {
    const isPlaced = (atMs: number) => periodStartOf(periods, accountId, atMs) !== null;
    for (const usage of metrics.values()) {
      if (usage.definition !== null && isWholly(usage, isPlaced)) continue;
      for (const row of rows)
        if (row.metric === usage.metric && (usage.definition === null || !isPlaced(row.occurredAtMs)))
          aside.push(unplaced(row, usage));
    }
  }
  return aside;
}

/** Periods have no gap between them: what holds the ends of a minute's events holds all of them. */
const isWholly = ({ minutes }: MetricUsage, isPlaced: (atMs: number) => boolean): boolean =>
  [...minutes.values()].every(
    ({ firstOccurredAtMs, lastOccurredAtMs }) => isPlaced(firstOccurredAtMs) && isPlaced(lastOccurredAtMs),
  );

const unplaced = (row: StreamRow, { definition }: MetricUsage): SetAsideRow =>
  definition === null
    ? setAside(row, { counted: null, reason: "unknown-metric", detail: `no metric ${row.metric}` })
    : setAside(row, {
        counted: null,
        reason: "no-period",
        detail: `no period of ${row.accountId} holds ${new Date(row.occurredAtMs).toISOString()}`,
      });
