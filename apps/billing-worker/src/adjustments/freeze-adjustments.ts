import { accounts, type Db, type Transaction, usageAdjustmentChecks, usageAdjustments } from "@driftlock/db";
import { type AdjustmentWindow, decideAdjustment } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";

interface ClosedPeriod {
  accountId: string;
  periodStart: Date;
}

type ClosedTotal = Awaited<ReturnType<typeof usageAdjustmentChecks.listClosedTotals>>[number];

/**
 * Writes what a closed period's totals hold beyond what was billed of them, as windows that are sent afterwards, and
 * takes the period's mark away; under the account's lock, so that no usage is stored between the look and the mark.
 * @returns `wait`, and leaves the mark, where the invoice that bills the period is not known to be final.
 */
export const freezeAdjustments = (
  { db, clock }: { db: Db; clock: Clock },
  period: ClosedPeriod,
): Promise<{ outcome: "done" | "wait"; inReview: readonly string[] }> =>
  db.transaction(async (tx) => {
    await accounts.findAccountForUpdate(tx, period.accountId);
    const inReview: string[] = [];
    let isWaiting = false;
    for (const total of await usageAdjustmentChecks.listClosedTotals(tx, period)) {
      let left = toClosedTotal(total);
      let decision = decideAdjustment(left);
      for (; decision.outcome === "adjust"; decision = decideAdjustment(left)) {
        const { window } = decision;
        await insertWindow(tx, total, { ...window, createdAt: clock.now() });
        if (window.state === "review") inReview.push(window.adjustmentId);
        const { toQuantity: adjustedQuantity, toCarried: adjustedCarried, windowNo: windowCount } = window;
        left = { ...left, adjustedQuantity, adjustedCarried, windowCount };
      }
      if (decision.outcome === "wait") isWaiting = true;
    }
    if (isWaiting) return { outcome: "wait", inReview };
    await usageAdjustmentChecks.deleteCheck(tx, period);
    // What it has used by now is not left to later parts of its billing period.
    if (await usageAdjustmentChecks.hasOpenLaterPart(tx, period))
      await accounts.updateLimitsVersion(tx, period.accountId);
    return { outcome: "done", inReview };
  });

const toClosedTotal = ({ invoiceId, invoicedQuantity, ...total }: ClosedTotal) => ({
  ...total,
  invoicedQuantity: invoiceId === null ? ("none" as const) : invoicedQuantity,
  price: {
    includedQuantity: total.includedQuantity,
    amountMinor: total.overageAmountMinor,
    perUnits: total.overagePerUnits,
  },
});

const insertWindow = (
  tx: Transaction,
  total: ClosedTotal,
  window: AdjustmentWindow & { createdAt: Date },
): Promise<number> => usageAdjustments.insertAdjustment(tx, { ...total, ...window });
