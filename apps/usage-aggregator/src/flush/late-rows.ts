import { metricDefinitions, quarantineReview, type Transaction, usageAdjustmentChecks } from "@driftlock/db";
import type { StreamRow } from "@driftlock/redis";
import type { GroupedRows } from "./group-rows.ts";
import type { MetricDefinitions } from "./metric-directory.ts";
import type { Periods } from "./place-rows.ts";
import { type SetAsideRow, setAside } from "./set-aside.ts";

/** A total of a closed period that a batch adds to. */
export interface ClosedTotal {
  accountId: string;
  metric: string;
  startMs: number;
  endMs: number;
}

/** The totals of closed periods that a batch adds to. Where all its periods are open, that is all that is looked at. */
export function findClosedTotals({ accounts }: GroupedRows, periods: Periods): ClosedTotal[] {
  const closed = new Map<string, Pick<ClosedTotal, "startMs" | "endMs">[]>();
  for (const [accountId, spans] of periods) {
    const ofAccount = spans.filter(({ isClosed }) => isClosed);
    if (ofAccount.length > 0) closed.set(accountId, ofAccount);
  }
  if (closed.size === 0) return [];
  return accounts.flatMap(({ accountId, metrics }) =>
    (closed.get(accountId) ?? []).flatMap(({ startMs, endMs }) =>
      [...metrics.values()]
        .filter(({ minutes }) =>
          [...minutes.values()].some(
            (minute) => minute.firstOccurredAtMs < endMs && startMs <= minute.lastOccurredAtMs,
          ),
        )
        .map(({ metric }) => ({ accountId, metric, startMs, endMs })),
    ),
  );
}

/** The rows that are counted only when an operator lets them in, and that nobody has let in. */
export async function findLate(
  tx: Transaction,
  { accounts }: GroupedRows,
  { totals, definitions }: { totals: readonly ClosedTotal[]; definitions: MetricDefinitions },
): Promise<SetAsideRow[]> {
  if (totals.length === 0) return [];
  const reviewed = await metricDefinitions.listReviewed(tx, totals);
  const late = reviewed.flatMap(({ place }) => {
    const total = totals[place - 1];
    const account = accounts.find(({ accountId }) => accountId === total?.accountId);
    if (total === undefined || account === undefined) return [];
    return account.rows.filter((row) => isOf(total, row)).map((row) => ({ row, total }));
  });
  if (late.length === 0) return [];
  const rows = late.map(({ row }) => row);
  const released = new Set((await quarantineReview.listReleased(tx, rows)).map(keyOf));
  return late
    .filter(({ row }) => !released.has(keyOf(row)))
    .map(({ row, total }) => toLate(row, total, definitions));
}

/** Has the periods looked at whose totals have changed since they were billed. */
export async function markClosed(tx: Transaction, totals: readonly ClosedTotal[], now: Date): Promise<void> {
  if (totals.length === 0) return;
  await usageAdjustmentChecks.markClosedPeriods(tx, {
    accountIds: totals.map(({ accountId }) => accountId),
    periodStarts: totals.map(({ startMs }) => new Date(startMs)),
    now,
  });
}

const keyOf = ({ accountId, id }: { accountId: string; id: string }): string => `${accountId}\n${id}`;

const isOf = ({ metric, startMs, endMs }: ClosedTotal, row: StreamRow): boolean =>
  row.metric === metric && startMs <= row.occurredAtMs && row.occurredAtMs < endMs;

function toLate(
  row: StreamRow,
  { startMs, metric }: ClosedTotal,
  definitions: MetricDefinitions,
): SetAsideRow {
  const aggregation = definitions.get(metric)?.aggregation;
  return setAside(row, {
    counted: aggregation === undefined ? null : { segmentStartMs: startMs, aggregation },
    reason: "late",
    detail: `it came after the period of ${new Date(row.occurredAtMs).toISOString()} was closed`,
  });
}
