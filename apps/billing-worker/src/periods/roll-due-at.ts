import { abandonedCloseMs } from "@driftlock/domain";

/**
 * The ends up to which periods are to be closed by the clock: late usage is in (`latenessMs` after the end, business
 * time), or their invoice never came.
 */
export const rollDueAt = (now: Date, latenessMs: number): { endedBefore: Date; abandonedBefore: Date } => ({
  endedBefore: new Date(now.getTime() - latenessMs),
  abandonedBefore: new Date(now.getTime() - abandonedCloseMs),
});
