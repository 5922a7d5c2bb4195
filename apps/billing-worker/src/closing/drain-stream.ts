import { AppError } from "@driftlock/contracts";
import {
  type Db,
  type DrainMark,
  installation,
  periodCloses,
  planChanges,
  usageStreamPositions,
} from "@driftlock/db";
import { hasReached, partitionOf, type RedisClient, readStreamEnd } from "@driftlock/redis";
import type { CloseStep } from "./close-step.ts";
import { isPastDeadline, tryAgain } from "./try-again.ts";

const pollMs = 200;
const nowhere = { epoch: "", streamId: "0-0" };

/** Waits until all that was accepted before the watermark is committed in Postgres, and no change of plan is half made. */
export const drainStream: CloseStep = async (deps, close, log) => {
  const { db } = deps;
  const { accountId, periodEnd } = close;
  const drain = await findDrain(deps, { accountId, mark: close.drainPositions });
  const isCut = await planChanges.hasOpenCut(db, { accountId, before: periodEnd });
  const isDrained = drain.isReached && !isCut;
  if (isDrained || isPastDeadline(deps, close)) {
    if (!isDrained) log.error({ page: true, accountId, isCut, ...drain }, "period-close.not-drained");
    await periodCloses.updateCloseState(db, close, { state: "reporting" });
    return "advanced";
  }
  if (close.drainPositions === null) await periodCloses.updateCloseDrain(db, close, drain.mark);
  return tryAgain(deps, close, { delayMs: pollMs });
};

export interface Drain {
  /** Up to where the stream has to be committed: what was given, else its present end. */
  mark: DrainMark;
  isReached: boolean;
}

/** Whether all that an account's partition of the stream held at a mark is committed. */
export async function findDrain(
  { db, redis }: { db: Db; redis: RedisClient },
  { accountId, mark }: { accountId: string; mark: DrainMark | null },
): Promise<Drain> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new AppError("INTERNAL", "The database is not set up.");
  const partition = partitionOf(accountId, bound.usagePartitions);
  const committed = (await usageStreamPositions.findPosition(db, partition)) ?? nowhere;
  const present = await readStreamEnd(redis, partition);
  const end = mark ?? present;
  return { mark: end, isReached: hasReached(committed, { end, present }) };
}
