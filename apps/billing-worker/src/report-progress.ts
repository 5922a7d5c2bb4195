import { abandonedCloseMs } from "@driftlock/domain";
import { businessAgenda, type Db } from "@driftlock/db";
import type { Clock, ClockParticipant, QueueInspector } from "@driftlock/runtime";

interface Deps {
  db: Db;
  inspector: QueueInspector;
  clock: Clock & ClockParticipant;
  latenessMs: number;
}

// Behind everything: whoever moves the clock waits.
const notCaughtUpMs = 0;

/**
 * Tells whoever moves the clock how far this worker has come. Caught up is what has no job left, no row due and no object
 * of Stripe to fetch, seen in that order: an event lies in the queue until it has left its rows, and every other work is a
 * row until it is done, so nothing can hide between the two looks.
 */
export async function reportProgress({ db, inspector, clock, latenessMs }: Deps): Promise<void> {
  const now = clock.now();
  const jobCount = await inspector.pendingCount();
  const agenda = await businessAgenda.findAgenda(db, { now, closeLatenessMs: latenessMs, abandonedCloseMs });
  const isIdle = jobCount === 0 && agenda.dueCount === 0;
  await clock.report({
    caughtUpToMs: isIdle ? now.getTime() : notCaughtUpMs,
    nextDueAtMs: agenda.nextDueAt?.getTime() ?? null,
  });
}
