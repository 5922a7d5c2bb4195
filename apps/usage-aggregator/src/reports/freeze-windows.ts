import { type Db, usageReports } from "@driftlock/db";
import { freezeWindow } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";

const windowsMax = 500;

/** Writes a window for every billed total that has moved, before any of it is sent. @returns how many. */
export async function freezeWindows({ db, clock }: { db: Db; clock: Clock }): Promise<number> {
  const now = clock.now();
  const totals = await usageReports.listUnreported(db, { limit: windowsMax });
  if (totals.length === 0) return 0;
  return usageReports.insertReports(
    db,
    totals.map((total) => freezeWindow(total, now)),
    now,
  );
}
