import type { NoticeType } from "@driftlock/contracts";
import { type AlertStandingRow, type Db, usageAlerts } from "@driftlock/db";
import { type Alert, overageAmountMinor } from "@driftlock/domain";
import { insertNotice } from "../notices/insert-notice.ts";

export interface ReachedAlert {
  standing: AlertStandingRow;
  alert: Alert;
  /** What it is told once of. */
  periodStart: Date;
}

/** Tells an alert, once in its period: that it is told and the notice are one transaction. */
export async function tellAlert(
  db: Db,
  { standing, alert, periodStart }: ReachedAlert,
  now: Date,
): Promise<void> {
  const { accountId, metric, quantity, planId, includedQuantity } = standing;
  const key = { accountId, metric, periodStart, threshold: alert.key };
  await db.transaction(async (tx) => {
    if (!(await usageAlerts.insertFired(tx, { ...key, quantity, now }))) return;
    const type = typeOf({ standing, alert });
    await insertNotice(tx, {
      accountId,
      type,
      dedupeKey: `${type}.${accountId}.${metric}.${periodStart.toISOString()}.${alert.key}`,
      data: {
        metric,
        planId,
        period: { start: standing.periodStart.toISOString(), end: standing.periodEnd.toISOString() },
        used: quantity,
        limit: includedQuantity,
        ...(alert.kind === "threshold" ? { threshold: alert.threshold } : spendOf(standing, alert.percent)),
      },
      now,
    });
  });
}

function typeOf({ standing, alert }: Pick<ReachedAlert, "standing" | "alert">): NoticeType {
  if (alert.kind === "spend-cap") return alert.percent < 100 ? "spend_cap.approached" : "spend_cap.reached";
  const { overagePolicy, includedQuantity, quantity } = standing;
  const isSpent = overagePolicy === "refuse" && includedQuantity !== null && quantity >= includedQuantity;
  return isSpent && "percent" in alert.threshold && alert.threshold.percent === 100
    ? "quota.exhausted"
    : "usage.threshold_reached";
}

function spendOf({ quantity, ...price }: ReachedAlert["standing"], percent: number) {
  const { includedQuantity, overageAmountMinor: amountMinor, overagePerUnits: perUnits } = price;
  if (includedQuantity === null || amountMinor === null || perUnits === null)
    throw new Error(`${price.metric} of ${price.planId} has a spend cap and no price`);
  return {
    percent,
    spentMinor: overageAmountMinor(quantity, { includedQuantity, amountMinor, perUnits }),
    spendCapMinor: price.spendCapMinor,
    currency: price.currency,
  };
}
