import { accounts, type Queryable, usagePeriodsWrite, usageReadings } from "@driftlock/db";
import { areRecordsKept, countedReachMs, countedSpans } from "@driftlock/domain";

/** Puts a period in line for a reading of its records; nothing happens where some of them are no longer kept. */
export async function beginReading(
  q: Queryable,
  period: { accountId: string; periodStart: Date; periodEnd: Date },
  wallNow: Date,
): Promise<void> {
  const { accountId, periodStart, periodEnd } = period;
  const account = await accounts.findAccount(q, accountId);
  const since = new Date(periodStart.getTime() - countedReachMs);
  const tiles = await usagePeriodsWrite.listTiles(q, accountId, since);
  const tile = tiles.find((each) => each.start.getTime() === periodStart.getTime());
  if (account === null || tile === undefined) return;
  const spans = countedSpans(tile, tiles, account.freeAnchorAt);
  if (!areRecordsKept(spans, await usageReadings.findRecordsKeptSince(q))) return;
  const before = await usageReadings.findPeriodTotals(q, period);
  await usageReadings.insertReading(q, { accountId, periodStart, periodEnd, spans, before, wallNow });
}
