import type { PlanId } from "@driftlock/contracts";
import type { TiledPeriod } from "./period-tiling.ts";

/** The cut of an upgrade that was not made: from `at` on its subscription's rows were given to another plan. */
export interface Cut {
  readonly stripeSubscriptionId: string;
  readonly at: Date;
  readonly from: { readonly planId: PlanId; readonly version: number };
}

/** The rows as they would be had the account's time never been cut: they merge again, and are on the plan that was. */
export function withoutCut(
  rows: readonly TiledPeriod[],
  { stripeSubscriptionId, at, from }: Cut,
): TiledPeriod[] {
  const merged: TiledPeriod[] = [];
  for (const row of rows) {
    const isCut =
      row.closedAt === null && row.stripeSubscriptionId === stripeSubscriptionId && row.start >= at;
    const restored = isCut ? { ...row, planId: from.planId, planVersion: from.version } : row;
    const before = merged.at(-1);
    const continues =
      isCut &&
      row.start.getTime() === at.getTime() &&
      before?.closedAt === null &&
      before.stripeSubscriptionId === stripeSubscriptionId;
    if (continues && before !== undefined) merged[merged.length - 1] = { ...before, end: row.end };
    else merged.push(restored);
  }
  return merged;
}
