import { groupMinutesDays } from "@driftlock/contracts";
import { type Db, usageGroups } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";

/** A day longer than they are answered for. */
const keptMs = (groupMinutesDays + 1) * 24 * 60 * 60 * 1000;
const rowsMax = 20_000;

/** Removes groups by minute that nobody can ask for any more; hours and days stay. Several at once do no harm. */
export const removeOldGroups = async ({ db, clock }: { db: Db; clock: Clock }): Promise<void> => {
  const before = new Date(clock.now().getTime() - keptMs);
  while ((await usageGroups.deleteMinutes(db, before, rowsMax)) === rowsMax);
};
