import { type Db, usageStreamPositions } from "@driftlock/db";
import { type RedisClient, verifyStream } from "@driftlock/redis";
import type { Logger } from "@driftlock/runtime";

/**
 * Looks at each Redis that answers anew, whether it has all that is committed in Postgres: one that lacks some begins
 * another epoch, so that decisions are made on counters that are built anew. Where it cannot be told, the aggregator's
 * next read tells. A cluster's masters change without a word: there the aggregator alone looks.
 */
export function watchForLoss({ db, redis, log }: { db: Db; redis: RedisClient; log: Logger }): {
  close(): void;
} {
  async function look(): Promise<void> {
    try {
      const positions = await usageStreamPositions.listPositions(db);
      const begun = await Promise.all(
        positions.map(async (position) => {
          const epoch = await verifyStream(redis, position.partition, position);
          return position.epoch !== "" && epoch !== position.epoch ? [position.partition] : [];
        }),
      );
      const partitions = begun.flat();
      if (partitions.length > 0) log.warn({ partitions }, "usage.other-epoch");
    } catch (err) {
      log.warn({ err }, "usage.loss-not-looked-for");
    }
  }

  const onReady = () => void look();
  redis.on("ready", onReady);
  if (redis.status === "ready") onReady();
  return { close: () => void redis.off("ready", onReady) };
}
