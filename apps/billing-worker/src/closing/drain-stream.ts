import { AppError } from "@driftlock/contracts";
import { installation, periodCloses, usageStreamPositions } from "@driftlock/db";
import { hasReached, partitionOf, readStreamEnd } from "@driftlock/redis";
import type { CloseStep } from "./close-step.ts";
import { isPastDeadline, tryAgain } from "./try-again.ts";

const pollMs = 200;
const nowhere = { epoch: "", streamId: "0-0" };

/** Waits until all that was accepted before the watermark is committed in Postgres. */
export const drainStream: CloseStep = async (deps, close, log) => {
  const { db, redis } = deps;
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new AppError("INTERNAL", "The database is not set up.");
  const partition = partitionOf(close.accountId, bound.usagePartitions);
  const committed = (await usageStreamPositions.findPosition(db, partition)) ?? nowhere;
  const present = await readStreamEnd(redis, partition);
  const end = close.drainPositions ?? present;
  const isDrained = hasReached(committed, { end, present });
  if (isDrained || isPastDeadline(deps, close)) {
    if (!isDrained) log.error({ page: true, partition, end, committed }, "period-close.not-drained");
    await periodCloses.updateCloseState(db, close, { state: "reporting" });
    return "advanced";
  }
  if (close.drainPositions === null) await periodCloses.updateCloseDrain(db, close, end);
  return tryAgain(deps, close, { delayMs: pollMs });
};
