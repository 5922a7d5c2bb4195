import { usageDigestHex } from "@driftlock/contracts";
import { type Transaction, usageDigests, usagePeriods, usageReadings } from "@driftlock/db";
import type { ReadSum } from "@driftlock/domain";
import { areRecordsKept, beginReading } from "./begin-reading.ts";
import type { ReadDeps, Reading } from "./read-records.ts";

const nothingRead: Pick<ReadSum, "digest" | "digestEvents" | "digestQuantity"> = {
  digest: usageDigestHex(0n),
  digestEvents: 0,
  digestQuantity: 0,
};

/**
 * Keeps what a reading found, in the transaction that ends it. Of a closed period whose totals did not move meanwhile it
 * is exactly what is stored, and becomes its digest; where they moved, it is read again.
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
    if (!isSame || period.closedAt === null || !(await areRecordsKept(tx, reading.spans))) return;
    const after = await usageReadings.findPeriodTotals(tx, reading);
    if (haveMoved(reading.before, after)) return beginReading(tx, reading, wallNow);
    const written = await writeDigests(tx, { reading, after, wallNow });
    if (written > 0) log.info({ accountId, periodStart, digests: written }, "usage-digest.computed");
  });
}

/** Whether events came in between. */
const haveMoved = (before: usageReadings.PeriodTotals, after: usageReadings.PeriodTotals): boolean =>
  Object.keys({ ...before, ...after }).some(
    (metric) => before[metric]?.eventCount !== after[metric]?.eventCount,
  );

/** @returns how many said something new. */
async function writeDigests(
  tx: Transaction,
  { reading, after, wallNow }: { reading: Reading; after: usageReadings.PeriodTotals; wallNow: Date },
): Promise<number> {
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
