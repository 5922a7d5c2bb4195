import { type Db, mirrorDifferences, reconciliations, reconciliationWalks } from "@driftlock/db";
import type { Clock, Metrics } from "@driftlock/runtime";
import { fullWalks } from "./full-walks.ts";

/** Drift as figures, asked of Postgres at each scrape: every worker says the same. */
export function observeReconciliation(
  { gauge }: Metrics,
  { db, wallClock }: { db: Db; wallClock: Clock },
): void {
  const ageSeconds = (since: Date) => Math.max(0, wallClock.now().getTime() - since.getTime()) / 1_000;
  gauge({
    name: "reconciliation_drifted_count",
    help: "What differs and should not: metrics of periods, objects of Stripe",
    labels: ["of"] as const,
    collect: async (drifted) => {
      drifted.set({ of: "usage" }, (await reconciliations.countDrifted(db)).drifted);
      drifted.set({ of: "stripe" }, await mirrorDifferences.countLasting(db));
    },
  });
  gauge({
    name: "reconciliation_drift_largest_units",
    help: "The greatest distance of a usage figure from what it should be, in its metric's unit; 0 without drift",
    collect: async (largest) => largest.set((await reconciliations.countDrifted(db)).largest),
  });
  gauge({
    name: "reconciliation_drift_oldest_seconds",
    help: "Since when the oldest drift of usage is there; 0 without drift",
    collect: async (oldest) => {
      const { oldestSince } = await reconciliations.countDrifted(db);
      oldest.set(oldestSince === null ? 0 : ageSeconds(oldestSince));
    },
  });
  gauge({
    name: "reconciliation_walk_age_seconds",
    help: "Since when a walk of everything was last at its end; left out before the first",
    labels: ["walk"] as const,
    collect: async (age) => {
      for (const walk of fullWalks) {
        const completedAt = await reconciliationWalks.findCompletedAt(db, walk);
        if (completedAt !== null) age.set({ walk }, ageSeconds(completedAt));
      }
    },
  });
}
