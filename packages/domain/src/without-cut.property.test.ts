import fc from "fast-check";
import { expect, test } from "vitest";
import { cycleAt, cycleIndexAt } from "./cycle.ts";
import { type TiledPeriod, type TilingSubscription, tilePeriods } from "./period-tiling.ts";
import { withoutCut } from "./without-cut.ts";

const dayMs = 86_400_000;
const startedAt = new Date(Date.UTC(2026, 0, 31, 10));
const freeAnchorAt = new Date(startedAt.getTime() - 3 * dayMs);
const from = { planId: "pro", version: 1 } as const;

const subscriptionAt = (now: Date, over: Partial<TilingSubscription> = {}): TilingSubscription => ({
  stripeSubscriptionId: "sub_1",
  planId: "pro",
  planVersion: 1,
  rank: 1,
  status: "active",
  period: cycleAt(startedAt, cycleIndexAt(startedAt, now)),
  startedAt,
  planChangedAt: null,
  endsAt: null,
  pending: null,
  change: null,
  ...over,
});

const tile = (rows: readonly TiledPeriod[], now: Date, over: Partial<TilingSubscription> = {}) =>
  tilePeriods({
    rows,
    freeAnchorAt,
    freePlanVersions: [{ version: 1, from: null }],
    subscriptions: [subscriptionAt(now, over)],
    now,
  });

const passing = fc.integer({ min: 0, max: 70 * dayMs });

test("a cut that is taken back leaves what there would be without it, however late, renewals between or not", () => {
  fc.assert(
    fc.property(
      passing,
      fc.integer({ min: 0, max: 25 * dayMs }),
      fc.boolean(),
      (untilCutMs, untilUndoneMs, isHeardBetween) => {
        const cutAt = new Date(startedAt.getTime() + untilCutMs);
        const at = new Date(Math.floor(cutAt.getTime() / 1000) * 1000 + 2000);
        const undoneAt = new Date(at.getTime() + untilUndoneMs);
        const change = { at, planId: "business", planVersion: 1, rank: 2 } as const;
        const before = tile(tile([], startedAt), cutAt);
        let cut = tile(before, cutAt, { change });
        const [present] = cut.filter((row) => row.start.getTime() === at.getTime());
        expect(present).toMatchObject({ planId: "business", stripeSubscriptionId: "sub_1" });
        if (isHeardBetween) cut = tile(cut, undoneAt, { change });
        const undone = tile(withoutCut(cut, { stripeSubscriptionId: "sub_1", at, from }), undoneAt);
        expect(undone).toEqual(tile(before, undoneAt));
      },
    ),
    { numRuns: 500 },
  );
});

test("a cut that is made stands where it was cut, from before Stripe knows until long after", () => {
  fc.assert(
    fc.property(passing, fc.integer({ min: 0, max: dayMs }), (untilCutMs, untilMadeMs) => {
      const cutAt = new Date(startedAt.getTime() + untilCutMs);
      const at = new Date(Math.floor(cutAt.getTime() / 1000) * 1000 + 2000);
      const madeAt = new Date(at.getTime() + untilMadeMs);
      const change = { at, planId: "business", planVersion: 1, rank: 2 } as const;
      const made = { planId: "business", planVersion: 1, rank: 2, planChangedAt: at } as const;
      const cut = tile(tile(tile([], startedAt), cutAt), cutAt, { change });
      const heard = tile(cut, madeAt, { ...made, change });
      const done = tile(heard, madeAt, made);
      expect(done).toEqual(heard);
      const told = (rows: readonly TiledPeriod[]) =>
        rows.filter((row) => row.start <= at).map(({ start, planId }) => [start, planId]);
      expect(told(done)).toEqual(told(cut));
      expect(done.find((row) => row.end.getTime() === at.getTime())?.planId).toBe("pro");
    }),
    { numRuns: 500 },
  );
});
