import { eventAheadMaxMs } from "@driftlock/contracts";
import { accounts, type Queryable, usagePeriodsWrite, usageReadings } from "@driftlock/db";
import { earlierFreeParts } from "@driftlock/domain";

// A whole Free cycle, whose earlier parts a later one counts on from.
const reachBackMs = 32 * 24 * 60 * 60 * 1000;

/** What a period's totals are made of: its own time, and of Free the earlier parts of the same cycle. */
export async function spansOf(
  q: Queryable,
  { accountId, periodStart, periodEnd }: { accountId: string; periodStart: Date; periodEnd: Date },
): Promise<{ from: string; until: string }[]> {
  const account = await accounts.findAccount(q, accountId);
  const tiles = await usagePeriodsWrite.listTiles(
    q,
    accountId,
    new Date(periodStart.getTime() - reachBackMs),
  );
  const tile = tiles.find((each) => each.start.getTime() === periodStart.getTime());
  const earlier =
    account === null || tile === undefined ? [] : earlierFreeParts(tile, tiles, account.freeAnchorAt);
  return [...earlier, { start: periodStart, end: periodEnd }].map(({ start, end }) => ({
    from: start.toISOString(),
    until: end.toISOString(),
  }));
}

/** Puts a period in line for a reading of its records; nothing happens where some of them are no longer kept. */
export async function beginReading(
  q: Queryable,
  period: { accountId: string; periodStart: Date; periodEnd: Date },
  wallNow: Date,
): Promise<void> {
  const { accountId, periodStart, periodEnd } = period;
  const spans = await spansOf(q, period);
  if (!(await areRecordsKept(q, spans))) return;
  const before = await usageReadings.findPeriodTotals(q, period);
  await usageReadings.insertReading(q, { accountId, periodStart, periodEnd, spans, before, wallNow });
}

/** Whether no record of these spans was dropped: a record is received five minutes before its timestamp at the earliest. */
export async function areRecordsKept(q: Queryable, spans: readonly { from: string }[]): Promise<boolean> {
  const keptSince = await usageReadings.findRecordsKeptSince(q);
  const firstMs = Math.min(...spans.map(({ from }) => Date.parse(from))) - eventAheadMaxMs;
  return keptSince === null || keptSince.getTime() <= firstMs;
}
