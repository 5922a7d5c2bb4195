import { abandonedCloseMs, closeLatenessMs } from "@driftlock/domain";

/** The ends up to which periods are to be closed by the clock: late usage is in, or their invoice never came. */
export const rollDueAt = (now: Date): { endedBefore: Date; abandonedBefore: Date } => ({
  endedBefore: new Date(now.getTime() - closeLatenessMs),
  abandonedBefore: new Date(now.getTime() - abandonedCloseMs),
});
