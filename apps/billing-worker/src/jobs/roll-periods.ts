import { rollPeriods } from "@driftlock/contracts";
import { type Db, usagePeriodsWrite } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { processor } from "@driftlock/runtime/queue";
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
    const closed = await db.transaction(async (tx) => {
      const periods = await usagePeriodsWrite.listPeriodsToRoll(tx, accountId, rollDueAt(now, latenessMs));
      if (periods.length > 0) await closePeriods(tx, { accountId, periods, now });
      return periods.length;
    });
    if (closed === 0) return;
    await pushLimits({ accountId });
    log.info({ accountId, closed }, "period.rolled");
  });
