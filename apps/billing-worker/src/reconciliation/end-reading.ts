import { usageDigestHex } from "@driftlock/contracts";
import {
  catalog,
  reconciliations,
  type Transaction,
  usageDigests,
  usagePeriods,
  usageReadings,
} from "@driftlock/db";
import { areRecordsKept, type ReadSum, valueOfReading } from "@driftlock/domain";
import { beginReading } from "./begin-reading.ts";
import type { ReadDeps, Reading } from "./read-records.ts";

const nothingRead: ReadSum = {
  digest: usageDigestHex(0n),
  digestEvents: 0,
  digestQuantity: 0,
  events: 0,
  sum: 0,
  max: 0,
  last: [0, 0, 0],
};

interface Ended {
  reading: Reading;
  after: usageReadings.PeriodTotals;
  wallNow: Date;
}

/**
 * Keeps what a reading found, in the transaction that ends it. Of a closed period whose totals did not move meanwhile it
 * is exactly what is stored, and becomes its digest; where they moved, it is read again. Of an open one it lies between
 * the totals before and after.
 */
export async function endReading({ db, wallClock, log }: ReadDeps, reading: Reading): Promise<void> {
  const { accountId, periodStart } = reading;
  const wallNow = wallClock.now();
  await db.transaction(async (tx) => {
    if ((await usageReadings.deleteReading(tx, reading)) === 0) return;
    const period = await usagePeriods.findPeriodAt(tx, accountId, periodStart);
    const isSame =
      period?.periodStart.getTime() === periodStart.getTime() &&
      period.periodEnd.getTime() === reading.periodEnd.getTime();
    const spans = reading.spans.map(({ from }) => ({ from: new Date(from) }));
    if (!isSame || !areRecordsKept(spans, await usageReadings.findRecordsKeptSince(tx))) return;
    const after = await usageReadings.findPeriodTotals(tx, reading);
    const isClosed = period.closedAt !== null;
    if (isClosed && haveMoved(reading.before, after)) return beginReading(tx, reading, wallNow);
    await keepStored(tx, { reading, after, wallNow });
    const written = isClosed ? await writeDigests(tx, { reading, after, wallNow }) : 0;
    if (written > 0) log.info({ accountId, periodStart, digests: written }, "usage-digest.computed");
  });
}

/** Whether events came in between. */
const haveMoved = (before: usageReadings.PeriodTotals, after: usageReadings.PeriodTotals): boolean =>
  Object.keys({ ...before, ...after }).some(
    (metric) => before[metric]?.eventCount !== after[metric]?.eventCount,
  );

/** What the comparison takes for stored. The values of a `unique` metric are not read: it has none. */
async function keepStored(tx: Transaction, { reading, after, wallNow }: Ended): Promise<void> {
  const { accountId, periodStart, periodEnd, before, sums } = reading;
  const known = await reconciliations.listOfPeriods(tx, [reading]);
  for (const { metric, aggregation } of await catalog.listMetrics(tx)) {
    const sum = sums[metric] ?? nothingRead;
    const quantity = valueOfReading(sum, aggregation);
    const bounds = { before: before[metric]?.quantity ?? 0, after: after[metric]?.quantity ?? 0 };
    if (quantity === null || (sum.events === 0 && after[metric] === undefined)) continue;
    const differs =
      quantity < Math.min(bounds.before, bounds.after) || quantity > Math.max(bounds.before, bounds.after);
    const faults = known.find((row) => row.metric === metric)?.stored?.faults ?? 0;
    await reconciliations.upsertStored(tx, {
      accountId,
      metric,
      periodStart,
      periodEnd,
      now: wallNow,
      stored: {
        ...bounds,
        quantity,
        totalEvents: after[metric]?.eventCount ?? 0,
        faults: differs ? faults + 1 : 0,
        readAt: wallNow.toISOString(),
      },
    });
  }
}

/** @returns how many said something new. */
async function writeDigests(tx: Transaction, { reading, after, wallNow }: Ended): Promise<number> {
  const { accountId, periodStart, sums } = reading;
  let written = 0;
  for (const metric of Object.keys({ ...sums, ...after })) {
    const { digest, digestEvents, digestQuantity } = sums[metric] ?? nothingRead;
    written += await usageDigests.insertDigest(tx, {
      accountId,
      metric,
      periodStart,
      digest,
      eventCount: digestEvents,
      quantity: digestQuantity,
      totalEventCount: after[metric]?.eventCount ?? 0,
      computedAt: wallNow,
    });
  }
  return written;
}
