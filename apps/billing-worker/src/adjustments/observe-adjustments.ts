import { type Db, usageAdjustments } from "@driftlock/db";
import type { Metrics } from "@driftlock/runtime";

const openStates = ["waiting", "refused", "review"] as const;

/** A gauge of what is not billed yet, read from Postgres at each scrape. */
export function observeAdjustments({ gauge }: Metrics, db: Db): void {
  gauge({
    name: "usage_adjustments_open",
    help: "Adjustments of closed periods that are not at Stripe: to be sent, failed to be, or for an operator to decide",
    labels: ["state"] as const,
    collect: async (open) => {
      const counts = new Map(
        (await usageAdjustments.countOpenAdjustments(db)).map((row) => [row.state, row.count]),
      );
      for (const state of openStates) open.set({ state }, counts.get(state) ?? 0);
    },
  });
}
