import { type AccountLimits, AppError } from "@driftlock/contracts";
import type { usageSnapshots } from "@driftlock/db";
import { accountLimits } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { Catalog, CatalogCache } from "./catalog-cache.ts";

export type Snapshot = Awaited<ReturnType<typeof usageSnapshots.listUsageSnapshots>>[number];

/** The limits of an account as Postgres has them. @throws UNAVAILABLE where no period of the account holds the present. */
export type SnapshotLimits = (snapshot: Snapshot) => Promise<AccountLimits>;

export const createSnapshotLimits =
  ({ clock, catalogCache }: { clock: Clock; catalogCache: CatalogCache }): SnapshotLimits =>
  async (snapshot) => {
    const cached = await catalogCache.get();
    const { plans, metrics } = isOf(snapshot, cached) ? cached : await catalogCache.refresh();
    const limits = accountLimits({
      accountId: snapshot.accountId,
      version: snapshot.limitsVersion,
      periods: snapshot.periods.map(
        ({ startMs, endMs, planId, planVersion, isClosed, isTrial, carried }) => ({
          periodStart: new Date(startMs),
          periodEnd: new Date(endMs),
          planId,
          planVersion,
          closedAt: isClosed ? new Date(endMs) : null,
          isTrial,
          carried,
        }),
      ),
      plans,
      metrics,
      spendCapMinor: snapshot.spendCapMinor,
      now: clock.now(),
    });
    if (limits !== null) return limits;
    const message = `The present period of ${snapshot.accountId} is not known yet; try again.`;
    throw new AppError("UNAVAILABLE", message, { retryAfterSeconds: 5 });
  };

/** Whether the catalogue is the one that the snapshot was taken with, or newer: limits of a version never differ. */
const isOf = ({ periods, metricsVersion }: Snapshot, { plans, metrics }: Catalog): boolean =>
  metrics.reduce((sum, { version }) => sum + version, 0) >= metricsVersion &&
  periods.every((period) =>
    plans.some((plan) => plan.planId === period.planId && plan.version === period.planVersion),
  );
