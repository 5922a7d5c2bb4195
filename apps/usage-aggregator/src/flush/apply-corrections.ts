import { type Db, usageCorrections } from "@driftlock/db";
import { correctCounters, type RedisClient } from "@driftlock/redis";

/**
 * Takes back from the live counters what was not stored, in the order of the commits. A crash at any line leaves the
 * rest, or a repeat that changes nothing, to the partition's next owner. @throws UNAVAILABLE.
 */
export async function applyCorrections(
  { db, redis }: { db: Db; redis: RedisClient },
  partition: number,
): Promise<void> {
  for (;;) {
    const rows = await usageCorrections.listCorrections(db, partition);
    if (rows.length === 0) return;
    for (const { accountId, epoch, streamId, isRebuild, deltas } of rows) {
      await correctCounters(redis, partition, {
        accountId,
        position: { epoch, streamId },
        isRebuild,
        deltas,
      });
    }
    await usageCorrections.deleteCorrections(
      db,
      rows.map(({ correctionId }) => correctionId),
    );
  }
}
