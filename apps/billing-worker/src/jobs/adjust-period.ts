import { adjustPeriod } from "@driftlock/contracts";
import { type Db, usageAdjustmentChecks } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { processor } from "@driftlock/runtime/queue";
import { freezeAdjustments } from "../adjustments/freeze-adjustments.ts";

interface Deps {
  db: Db;
  clock: Clock;
  wallClock: Clock;
}

/** The invoice is applied as soon as Stripe tells of it. */
const lookAgainMs = 5_000;

/** Writes what a closed period's totals hold beyond what was billed of them; the ticker of adjustments sends it. */
export const adjustPeriodProcessor = (deps: Deps) =>
  processor(adjustPeriod, async ({ accountId, periodStart }, { log }) => {
    const period = { accountId, periodStart: new Date(periodStart) };
    const { outcome, inReview } = await freezeAdjustments(deps, period);
    for (const adjustmentId of inReview)
      log.error({ page: true, accountId, adjustmentId }, "usage.adjustment-in-review");
    if (outcome === "done") return;
    const nextTryAt = new Date(deps.wallClock.now().getTime() + lookAgainMs);
    await usageAdjustmentChecks.updateCheckRetry(deps.db, { ...period, nextTryAt });
  });
