import { AppError, type AlertsBody, type AlertsDto, toPeriodDto } from "@driftlock/contracts";
import { accounts, catalog, type Db, type Queryable, usageAlerts, usagePeriods } from "@driftlock/db";
import { type Alert, alertPeriodStart, alertsOf, parseThreshold, thresholdKey } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { noSuchAccount } from "../auth/credential.ts";
import { planVersion } from "./plan-catalog.ts";
import { requireAccount } from "./require-account.ts";

/** What an account is told of when its usage reaches it. */
export const createAlerts = ({ db, clock }: { db: Db; clock: Clock }) => ({
  /** @throws ACCOUNT_NOT_FOUND. */
  getAlerts: (accountId: string): Promise<AlertsDto> => readAlerts(db, accountId, clock.now()),

  /**
   * Replaces the whole set; what is reached already is told within seconds, and what was told in this period is not told
   * again. @throws UNKNOWN_METRIC, ACCOUNT_NOT_FOUND.
   */
  setAlerts: (accountId: string, metrics: AlertsBody["metrics"]): Promise<AlertsDto> =>
    db.transaction(async (tx) => {
      if ((await accounts.findAccountForUpdate(tx, accountId)) === null) throw noSuchAccount(accountId);
      const known = new Set((await catalog.listMetrics(tx)).map(({ metric }) => metric));
      const unknown = metrics.find(({ metric }) => !known.has(metric));
      if (unknown !== undefined)
        throw new AppError("UNKNOWN_METRIC", `There is no metric "${unknown.metric}".`);
      const choices = metrics.map(({ metric, thresholds }) => ({
        metric,
        thresholds: thresholds.map(thresholdKey),
      }));
      await usageAlerts.replaceChoices(tx, accountId, choices);
      return readAlerts(tx, accountId, clock.now());
    }),
});

async function readAlerts(q: Queryable, accountId: string, now: Date): Promise<AlertsDto> {
  const { freeAnchorAt, spendCapMinor } = await requireAccount(q, accountId);
  const period = await usagePeriods.findPeriodAt(q, accountId, now);
  if (period === null) throw new AppError("UNAVAILABLE", "The present period is not known yet; try again.");
  const plan = await planVersion(q, period.planId, period.planVersion);
  const choices = new Map(
    (await usageAlerts.listChoices(q, accountId)).map(({ metric, thresholds }) => [metric, thresholds]),
  );
  const periodStart = alertPeriodStart(period, freeAnchorAt);
  const fired = new Map(
    (await usageAlerts.listFired(q, { accountId, periodStart })).map(({ metric, threshold, firedAt }) => [
      `${metric} ${threshold}`,
      firedAt.toISOString(),
    ]),
  );
  const ofMetrics = plan.limits.map((limit) => {
    const chosen = choices.get(limit.metric)?.map(parseThreshold) ?? null;
    const alerts = alertsOf({ ...limit, thresholds: chosen, spendCapMinor });
    const told = ({ key, reachedFrom }: Alert) => ({
      reachedFrom,
      firedAt: fired.get(`${limit.metric} ${key}`) ?? null,
    });
    return {
      metric: limit.metric,
      isDefault: chosen === null,
      thresholds: alerts.flatMap((alert) =>
        alert.kind === "threshold" ? [{ ...alert.threshold, ...told(alert) }] : [],
      ),
      spendCap: alerts.flatMap((alert) =>
        alert.kind === "spend-cap" ? [{ metric: limit.metric, percent: alert.percent, ...told(alert) }] : [],
      ),
    };
  });
  return {
    period: toPeriodDto({ start: period.periodStart, end: period.periodEnd }),
    metrics: ofMetrics.map(({ metric, isDefault, thresholds }) => ({ metric, isDefault, thresholds })),
    spendCap: ofMetrics.flatMap(({ spendCap }) => spendCap),
  };
}
