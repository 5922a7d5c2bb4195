import { type Db, usageReports } from "@driftlock/db";
import { freezeWindow, isLeftToClose } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";

const windowsMax = 500;

/**
 * Writes a window for every billed total that has moved and whose last one was sent, before any of it is sent.
 * @returns how many.
 */
export async function freezeWindows({ db, clock }: { db: Db; clock: Clock }): Promise<number> {
  let frozen = 0;
  for (;;) {
    const now = clock.now();
    const totals = await usageReports.listUnreported(db, { limit: windowsMax });
    const windows = totals
      .filter((total) => !isLeftToClose(total, now))
      .map((total) => freezeWindow(total, now));
    const inserted = windows.length === 0 ? 0 : await usageReports.insertReports(db, windows, now);
    frozen += inserted;
    // None of a full look: somebody else is at it.
    if (totals.length < windowsMax || inserted === 0) return frozen;
  }
}
