import { rollPeriods } from "@driftlock/contracts";
import { type Db, periodCloses, usagePeriodsWrite } from "@driftlock/db";
import { type Clock, processor } from "@driftlock/runtime";
import { closePeriods } from "../periods/close-periods.ts";
import type { PushLimits } from "../periods/push-limits.ts";
import { rollDueAt } from "../periods/roll-due-at.ts";

interface Deps {
  db: Db;
  clock: Clock;
  pushLimits: PushLimits;
  latenessMs: number;
}

/** Free, and every paid period that bills no usage: closed by the clock, since no invoice waits for it. */
export const rollPeriodsProcessor = ({ db, clock, pushLimits, latenessMs }: Deps) =>
  processor(rollPeriods, async ({ accountId }, { log }) => {
    const now = clock.now();
    const { closed, totals } = await db.transaction(async (tx) => {
      const periods = await usagePeriodsWrite.listPeriodsToRoll(tx, accountId, rollDueAt(now, latenessMs));
      if (periods.length > 0) await closePeriods(tx, { accountId, periods, now });
      const periodStarts = periods.map(({ periodStart }) => periodStart);
      return {
        closed: periods.length,
        totals: await periodCloses.listBilledTotals(tx, { accountId, periodStarts }),
      };
    });
    // From here on nothing more of them is reported.
    for (const total of totals)
      if (total.totalQuantity !== total.sentQuantity)
        log.error({ page: true, accountId, ...total }, "usage.not-billed");
    if (closed === 0) return;
    await pushLimits({ accountId });
    log.info({ accountId, closed }, "period.rolled");
  });
