import { catalog, type Db } from "@driftlock/db";
import { overageLookupKey, planLookupKey } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { CatalogFile } from "./catalog-file.ts";
import type { CatalogStep } from "./catalog-step.ts";

interface Deps {
  db: Db;
  clock: Clock;
  /** By lookup key. */
  priceIds: ReadonlyMap<string, string>;
  held: readonly catalog.HeldVersionRow[];
}

/**
 * Publishes versions, after their prices were made: with its row a version is sold, and nobody is ever offered one that
 * cannot be bought. Subscriptions keep theirs.
 */
export const planVersions = (
  { db, clock, priceIds, held }: Deps,
  versions: CatalogFile["plans"],
): CatalogStep[] =>
  versions.map((plan): CatalogStep => {
    const before = held.filter(({ planId, accountCount }) => planId === plan.planId && accountCount > 0);
    return {
      action: "create",
      kind: "plan",
      key: `${plan.planId} v${plan.version}`,
      detail: [
        "sold from now on",
        ...before.map(({ version, accountCount }) => `${accountCount} keep v${version}`),
      ],
      apply: () =>
        db.transaction(async (tx) => {
          if (!(await catalog.insertPlanIfMissing(tx, plan, clock.now()))) return;
          const { planId, version } = plan;
          const stripePriceId = priceIds.get(planLookupKey(plan));
          if (stripePriceId === undefined) return;
          const stripeProductId = `driftlock_${planId}`;
          await catalog.updatePlanStripeIds(tx, { planId, version, stripeProductId, stripePriceId });
          for (const metric of Object.keys(plan.limits)) {
            const overageId = priceIds.get(overageLookupKey({ ...plan, metric }));
            if (overageId === undefined) continue;
            await catalog.updateLimitStripePrice(tx, { planId, version, metric, stripePriceId: overageId });
          }
        }),
    };
  });
