import type { AccountLimits } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { accountLimits } from "./limits.ts";
import { type Counted, countedNothing, decideQuota, quotaStanding } from "./quota.ts";

const dayMs = 24 * 60 * 60 * 1000;
const periodStart = new Date("2026-03-01T00:00:00Z");
const period = (offset: number) => ({
  periodStart: new Date(periodStart.getTime() + offset * 30 * dayMs),
  periodEnd: new Date(periodStart.getTime() + (offset + 1) * 30 * dayMs),
  planId: "free" as const,
  planVersion: 1,
  closedAt: null as Date | null,
});
const plans = [
  {
    planId: "free",
    version: 1,
    limits: [{ metric: "events", includedQuantity: 100, overagePolicy: "refuse" as const }],
  },
];
const metrics = [{ metric: "events", aggregation: "sum" as const }];
const now = new Date(periodStart.getTime() + dayMs);
const limitsOf = (periods: ReturnType<typeof period>[]): AccountLimits | null =>
  accountLimits({ accountId: "a", version: 3, periods, plans, metrics, now });

test("never over the limit, and nothing that fits is refused", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 30 }), (quantities) => {
      const limits = limitsOf([period(0), period(1)])!;
      let counted: Counted = countedNothing;
      for (const quantity of quantities) {
        const event = { metric: "events", quantity, occurredAtMs: now.getTime() };
        const decision = decideQuota(limits, event, () => counted);
        expect(decision.outcome).toBe(counted.quantity + quantity <= 100 ? "accepted" : "quota-exceeded");
        if (decision.outcome === "accepted") counted = decision.counted;
      }
      expect(counted.quantity).toBeLessThanOrEqual(100);
    }),
  );
});

test("limits reach 35 days back, are valid until the present period ends, and are unknown without one", () => {
  const limits = limitsOf([period(1), period(0), period(-1), period(-2), period(-3)]);
  expect(limits?.segments.map(({ startMs }) => startMs)).toEqual(
    [-2, -1, 0, 1].map((offset) => period(offset).periodStart.getTime()),
  );
  expect(limits?.validUntilMs).toBe(period(0).periodEnd.getTime());
  expect(limitsOf([period(1)])).toBeNull();
  expect(limitsOf([period(-1)])).toBeNull();
});

test("outside of the account's time, in a closed period and without an entitlement nothing is allowed", () => {
  const limits = limitsOf([{ ...period(-1), closedAt: now }, period(0)])!;
  const outcomeAt = (occurredAtMs: number, metric = "events") =>
    decideQuota(limits, { metric, quantity: 1, occurredAtMs }, () => countedNothing).outcome;
  expect(outcomeAt(period(-1).periodStart.getTime() - 1)).toBe("period-closed");
  expect(outcomeAt(period(-1).periodEnd.getTime() - 1)).toBe("period-closed");
  expect(outcomeAt(period(0).periodStart.getTime())).toBe("accepted");
  expect(outcomeAt(period(0).periodEnd.getTime())).toBe("no-period");
  expect(outcomeAt(now.getTime(), "alerts")).toBe("not-in-plan");
});

test("overage is what lies past an included quantity that is billed", () => {
  const bill = { limit: 100, policy: "bill", aggregation: "sum" } as const;
  expect(quotaStanding(bill, 150)).toEqual({ remaining: 0, overage: 50 });
  expect(quotaStanding(bill, 40)).toEqual({ remaining: 60, overage: 0 });
  expect(quotaStanding({ ...bill, limit: null, policy: "unlimited" }, 40)).toEqual({
    remaining: null,
    overage: 0,
  });
});
