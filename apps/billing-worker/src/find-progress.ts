import { abandonedCloseMs } from "@driftlock/domain";
import { businessAgenda, type Db } from "@driftlock/db";
import type { Clock, ClockProgress } from "@driftlock/runtime";
import type { QueueInspector } from "@driftlock/runtime/queue";

interface Deps {
  db: Db;
  inspector: QueueInspector;
  clock: Clock;
  latenessMs: number;
  gatherMs: number;
}

// Behind everything: whoever moves the clock waits.
const notCaughtUpMs = 0;

/**
 * How far this worker has come. Caught up is what has no job left, no row due and no object of Stripe to fetch, seen in
 * that order: an event lies in the queue until it has left its rows, and every other work is a row until it is done, so
 * nothing can hide between the two looks.
 */
export async function findProgress({
  db,
  inspector,
  clock,
  latenessMs,
  gatherMs,
}: Deps): Promise<ClockProgress> {
  const now = clock.now();
  const jobCount = await inspector.pendingCount();
  const agenda = await businessAgenda.findAgenda(db, {
    now,
    closeLatenessMs: latenessMs,
    abandonedCloseMs,
    adjustmentGatherMs: gatherMs,
  });
  const isIdle = jobCount === 0 && agenda.dueCount === 0;
  return {
    caughtUpToMs: isIdle ? now.getTime() : notCaughtUpMs,
    nextDueAtMs: agenda.nextDueAt?.getTime() ?? null,
  };
}
