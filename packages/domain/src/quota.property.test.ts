import { type AccountLimits, type LatePolicy, latePolicies } from "@driftlock/contracts";
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
  isTrial: false,
});
const plans = [
  {
    planId: "free",
    version: 1,
    limits: [
      {
        metric: "events",
        includedQuantity: 100,
        overagePolicy: "refuse" as const,
        overageAmountMinor: null,
        overagePerUnits: null,
      },
    ],
  },
];
const metrics = [
  {
    metric: "events",
    aggregation: "sum" as const,
    uniqueProperty: null,
    latePolicy: "carry-as-adjustment" as const,
  },
];
const now = new Date(periodStart.getTime() + dayMs);
const limitsOf = (periods: ReturnType<typeof period>[]): AccountLimits | null =>
  accountLimits({ accountId: "a", version: 3, periods, plans, metrics, spendCapMinor: null, now });

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

test("past its end a period takes what its plan bills, by the metric's policy", () => {
  const minuteMs = 60_000;
  const bills = plans.map((plan) => ({
    ...plan,
    limits: plan.limits.map((limit) => ({
      ...limit,
      overagePolicy: "bill" as const,
      overageAmountMinor: 1,
      overagePerUnits: 1,
    })),
  }));
  const decided = (latePolicy: LatePolicy, { minutes = 0, isClosed = false, of = bills }) => {
    const atMs = periodStart.getTime() + minutes * minuteMs;
    const limits = accountLimits({
      accountId: "a",
      version: 3,
      periods: [{ ...period(-1), closedAt: isClosed ? now : null }, period(0)],
      plans: of,
      metrics: metrics.map((metric) => ({ ...metric, latePolicy })),
      spendCapMinor: 5,
      now: new Date(atMs),
    })!;
    const event = { metric: "events", quantity: 1, occurredAtMs: periodStart.getTime() - 1 };
    const before = (quantity: number) => () => ({ quantity, lastOccurredAtMs: 0 });
    return {
      outcome: decideQuota(limits, event, before(0)).outcome,
      capped: decideQuota(limits, event, before(105)).outcome,
      validForMinutes: (limits.validUntilMs - atMs) / minuteMs,
    };
  };
  const periodMinutes = (30 * dayMs) / minuteMs;
  for (const policy of latePolicies) {
    const isRejecting = policy === "reject";
    const early = decided(policy, { minutes: 4 });
    expect(early).toMatchObject({
      outcome: "accepted",
      validForMinutes: isRejecting ? 1 : periodMinutes - 4,
    });
    const late = isRejecting ? "period-closed" : "accepted";
    expect(decided(policy, { minutes: 5 }).outcome).toBe(late);
    expect(decided(policy, { minutes: 4, isClosed: true }).outcome).toBe(late);
    expect(decided(policy, { minutes: 5, isClosed: true }).capped).toBe(
      isRejecting ? "period-closed" : "quota-exceeded",
    );
    expect(decided(policy, { minutes: 60, of: plans as never }).outcome).toBe("accepted");
    expect(decided(policy, { minutes: 60, isClosed: true, of: plans as never }).outcome).toBe(
      "period-closed",
    );
  }
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
  const bill = { limit: 100, policy: "bill", hardLimit: null } as const;
  expect(quotaStanding(bill, { used: 150, held: 0 })).toEqual({ remaining: 0, overage: 50 });
  expect(quotaStanding(bill, { used: 40, held: 0 })).toEqual({ remaining: 60, overage: 0 });
  expect(quotaStanding({ ...bill, hardLimit: 170 }, { used: 150, held: 0 })).toEqual({
    remaining: 20,
    overage: 50,
  });
  expect(quotaStanding(bill, { used: 40, held: 25 })).toEqual({ remaining: 35, overage: 0 });
  expect(quotaStanding(bill, { used: 90, held: 25 })).toEqual({ remaining: 0, overage: 0 });
  expect(quotaStanding({ ...bill, hardLimit: 120 }, { used: 150, held: 0 })).toEqual({
    remaining: 0,
    overage: 50,
  });
  expect(quotaStanding({ ...bill, limit: null, policy: "unlimited" }, { used: 40, held: 0 })).toEqual({
    remaining: null,
    overage: 0,
  });
});

test("a spend cap is the hard limit of what is billed, in every period, and of nothing else", () => {
  const priced = { metric: "events", includedQuantity: 100, overagePolicy: "bill" as const };
  const free = { includedQuantity: 5, overageAmountMinor: null, overagePerUnits: null };
  const capped = accountLimits({
    accountId: "a",
    version: 3,
    periods: [period(-1), period(0), period(1)],
    plans: [
      {
        planId: "free",
        version: 1,
        limits: [
          { ...priced, overageAmountMinor: 10, overagePerUnits: 1 },
          { ...free, metric: "alerts", overagePolicy: "refuse" },
          { ...free, metric: "calls", includedQuantity: null, overagePolicy: "unlimited" },
        ],
      },
    ],
    metrics: ["events", "alerts", "calls"].map((metric) => ({
      metric,
      aggregation: "sum",
      uniqueProperty: null,
      latePolicy: "carry-as-adjustment",
    })),
    spendCapMinor: 77,
    now,
  })!;
  expect(capped.segments).toHaveLength(3);
  for (const { startMs, metrics: limitsOfPeriod } of capped.segments) {
    expect(limitsOfPeriod).toMatchObject({
      events: { limit: 100, policy: "bill", hardLimit: 107 },
      alerts: { limit: 5, hardLimit: null },
      calls: { limit: null, hardLimit: null },
    });
    const eventOf = (quantity: number) => ({ metric: "events", quantity, occurredAtMs: startMs });
    expect(decideQuota(capped, eventOf(107), () => countedNothing).outcome).toBe("accepted");
    expect(decideQuota(capped, eventOf(108), () => countedNothing).outcome).toBe("quota-exceeded");
  }
  // A cap below what is used refuses from now on.
  const used = { quantity: 500, lastOccurredAtMs: 0 };
  const next = { metric: "events", quantity: 1, occurredAtMs: now.getTime() };
  expect(decideQuota(capped, next, () => used).outcome).toBe("quota-exceeded");
});

test("in a trial nothing is billed: what would be is refused past what is included", () => {
  const limit = { metric: "events", includedQuantity: 100, overagePolicy: "bill" as const };
  const limits = accountLimits({
    accountId: "a",
    version: 3,
    periods: [{ ...period(0), isTrial: true }, period(1)],
    plans: [
      { planId: "free", version: 1, limits: [{ ...limit, overageAmountMinor: 10, overagePerUnits: 1 }] },
    ],
    metrics: [
      { metric: "events", aggregation: "sum", uniqueProperty: null, latePolicy: "carry-as-adjustment" },
    ],
    spendCapMinor: null,
    now: periodStart,
  });
  expect(limits?.segments.map(({ metrics }) => metrics["events"]?.hardLimit)).toEqual([100, null]);
});
