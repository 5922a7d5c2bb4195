import { setTimeout as delay } from "node:timers/promises";
import { type Db, installation, usageStreamPositions } from "@driftlock/db";
import {
  hasReached,
  type LiveUsage,
  partitionOf,
  readCounters,
  readStreamEnd,
  type RedisClient,
} from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";

const pollMs = 50;
const pollsMax = 40;
const nowhere = { epoch: "", streamId: "0-0" };

export interface LiveDeps {
  db: Db;
  redis: RedisClient;
  /** Business time: limits are good until their period ends. */
  clock: Clock;
}

/**
 * The live counters of these accounts, read now and given once all that they counted is committed. An account is left out
 * where none are built, or its partition is not committed that far within two seconds: then nothing can be compared.
 */
export async function sampleLive(
  { db, redis, clock }: LiveDeps,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, LiveUsage>> {
  const partitions = (await installation.findInstallation(db))?.usagePartitions ?? 1;
  const nowMs = clock.now().getTime();
  const reads = await Promise.all(
    accountIds.map(async (accountId) => {
      const partition = partitionOf(accountId, partitions);
      return { accountId, partition, live: await readCounters(redis, { partition, accountId, nowMs }) };
    }),
  );
  const built = reads.flatMap(({ live, ...rest }) => (live === null ? [] : [{ ...rest, live }]));
  // After the counters: what they have counted lies at or before this.
  const ends = await readEnds(redis, [...new Set(built.map(({ partition }) => partition))]);
  const reached = await untilReached({ db, redis }, ends);
  return new Map(
    built.flatMap(({ accountId, partition, live }) => (reached.has(partition) ? [[accountId, live]] : [])),
  );
}

type Ends = ReadonlyMap<number, Awaited<ReturnType<typeof readStreamEnd>>>;

const readEnds = async (redis: RedisClient, partitions: readonly number[]): Promise<Ends> =>
  new Map(
    await Promise.all(
      partitions.map(async (partition) => [partition, await readStreamEnd(redis, partition)] as const),
    ),
  );

/** The partitions whose stream is committed up to these ends. */
async function untilReached(
  { db, redis }: Pick<LiveDeps, "db" | "redis">,
  ends: Ends,
): Promise<ReadonlySet<number>> {
  const reached = new Set<number>();
  for (let polls = 0; polls < pollsMax; polls += 1) {
    const positions = await usageStreamPositions.listPositions(db);
    const present = await readEnds(redis, [...ends.keys()]);
    for (const [partition, end] of ends) {
      const committed = positions.find((each) => each.partition === partition) ?? nowhere;
      if (hasReached(committed, { end, present: present.get(partition) ?? nowhere })) reached.add(partition);
    }
    if (reached.size === ends.size) break;
    await delay(pollMs);
  }
  return reached;
}
