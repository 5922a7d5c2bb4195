import { type PeriodCloseRow, periodCloses } from "@driftlock/db";
import type { CloseDeps } from "./close-step.ts";

/** Puts the next try off by `delayMs` of wall time. */
export async function tryAgain(
  { db, wallClock }: Pick<CloseDeps, "db" | "wallClock">,
  close: PeriodCloseRow,
  { delayMs, tries = close.tries }: { delayMs: number; tries?: number },
): Promise<"waiting"> {
  const nextTryAt = new Date(wallClock.now().getTime() + delayMs);
  await periodCloses.updateCloseRetry(db, close, { nextTryAt, tries });
  return "waiting";
}

/** Past it a close ends with what was reported: Stripe finalizes the draft by itself about now. */
export const isPastDeadline = ({ clock }: Pick<CloseDeps, "clock">, close: PeriodCloseRow): boolean =>
  clock.now() >= close.deadlineAt;
