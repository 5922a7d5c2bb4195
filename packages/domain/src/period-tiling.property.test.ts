import type { PlanId, SubscriptionStatus } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cycleAt, cycleIndexAt } from "./cycle.ts";
import { type TiledPeriod, type TilingSubscription, tilePeriods } from "./period-tiling.ts";

const ranks: Record<PlanId, number> = { free: 0, pro: 1, business: 2 };
const origin = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const paidPlan = fc.constantFrom<PlanId>("pro", "business");
const step = fc.record({
  afterMs: fc.integer({ min: 0, max: 60 * 24 * hourMs }),
  action: fc.constantFrom(
    "pass",
    "subscribe",
    "change",
    "told-change",
    "set-end",
    "resume",
    "cancel",
    "pend",
    "unpaid",
    "cut",
    "made",
    "close",
  ),
  plan: paidPlan,
  slot: fc.constantFrom("sub_a", "sub_b"),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const upgraded = { planId: "business", planVersion: 1, rank: ranks.business } as const;

const second = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);

function renewed(subscription: TilingSubscription, nowMs: number): TilingSubscription {
  if (subscription.endsAt !== null && subscription.endsAt.getTime() <= nowMs)
    return { ...subscription, status: "canceled" };
  if (nowMs < subscription.period.end.getTime()) return subscription;
  const plan = subscription.pending ?? subscription;
  const period = cycleAt(subscription.startedAt, cycleIndexAt(subscription.startedAt, new Date(nowMs)));
  return { ...subscription, planId: plan.planId, rank: ranks[plan.planId], period, pending: null };
}

function act(subscription: TilingSubscription, { action, plan }: Step, nowMs: number): TilingSubscription {
  const canceled: SubscriptionStatus = "canceled";
  if (subscription.status === canceled) return subscription;
  const rank = ranks[plan];
  switch (action) {
    case "change":
      return { ...subscription, planId: plan, rank };
    case "told-change":
      return plan === subscription.planId
        ? subscription
        : { ...subscription, planId: plan, rank, planChangedAt: second(nowMs) };
    case "set-end":
      return { ...subscription, endsAt: subscription.period.end };
    case "resume":
      return { ...subscription, endsAt: null, status: "active" };
    case "cancel":
      return { ...subscription, status: canceled, endsAt: second(nowMs) };
    case "pend":
      return { ...subscription, pending: { planId: plan, planVersion: 1 } };
    case "cut":
      return subscription.change !== null || subscription.rank >= ranks.business
        ? subscription
        : { ...subscription, change: { ...upgraded, at: new Date(second(nowMs).getTime() + 2000) } };
    case "made":
      return subscription.change === null || subscription.change.at.getTime() > nowMs
        ? subscription
        : {
            ...subscription,
            ...upgraded,
            planChangedAt: subscription.change.at,
            pending: null,
            change: null,
          };
    case "unpaid":
      return { ...subscription, status: "unpaid" };
    default:
      return subscription;
  }
}

type Check = (
  before: TiledPeriod[],
  after: TiledPeriod[],
  now: Date,
  subscriptions: readonly TilingSubscription[],
) => void;

/** Plays a history; after each step `check` sees the rows before and after. */
function play(anchorMs: number, steps: readonly Step[], check: Check) {
  const freeAnchorAt = new Date(anchorMs);
  let nowMs = anchorMs;
  const subscriptions = new Map<string, TilingSubscription>();
  let rows = tilePeriods({
    rows: [],
    freeAnchorAt,
    freePlanVersions: [{ version: 1, from: null }],
    subscriptions: [],
    now: freeAnchorAt,
  });
  for (const [index, each] of steps.entries()) {
    nowMs += each.afterMs;
    for (const [id, subscription] of subscriptions) subscriptions.set(id, renewed(subscription, nowMs));
    const found = subscriptions.get(each.slot);
    if (each.action === "subscribe" && (found === undefined || found.status === "canceled")) {
      const startedAt = second(nowMs);
      subscriptions.delete(each.slot);
      subscriptions.set(each.slot, {
        stripeSubscriptionId: `${each.slot}_${index}`,
        planId: each.plan,
        planVersion: 1,
        rank: ranks[each.plan],
        status: "active",
        period: cycleAt(startedAt, 0),
        startedAt,
        planChangedAt: null,
        endsAt: null,
        pending: null,
        change: null,
      });
    } else if (found !== undefined) subscriptions.set(each.slot, act(found, each, nowMs));
    const now = new Date(nowMs);
    const input = {
      freeAnchorAt,
      freePlanVersions: [{ version: 1, from: null }],
      subscriptions: [...subscriptions.values()],
      now,
    };
    const after = tilePeriods({ ...input, rows });
    check(rows, after, now, input.subscriptions);
    expect(tilePeriods({ ...input, rows: after })).toEqual(after);
    rows =
      each.action === "close"
        ? after.map((row) => (row.end <= now ? { ...row, closedAt: now } : row))
        : after;
  }
}

const histories = [
  fc.integer({ min: origin, max: origin + 366 * 24 * hourMs }),
  fc.array(step, { maxLength: 12 }),
] as const;

test("whatever happens, rows tile the account's time, closed ones stay, and twice is once", () => {
  fc.assert(
    fc.property(...histories, (anchorMs, steps) => {
      play(anchorMs, steps, (before, after, now) => {
        // Never later, and earlier only to the second that a subscription began in.
        const reachBackMs = (before[0]?.start.getTime() ?? 0) - (after[0]?.start.getTime() ?? 0);
        expect(reachBackMs).toBeGreaterThanOrEqual(0);
        expect(reachBackMs).toBeLessThan(1000);
        for (const [index, row] of after.entries()) {
          expect(row.start.getTime()).toBeLessThan(row.end.getTime());
          if (index > 0) expect(row.start).toEqual(after[index - 1]?.end);
        }
        const closedRows = before.filter((row) => row.closedAt !== null);
        expect(after.slice(0, closedRows.length)).toEqual(closedRows);
        const present = after.find((row) => row.start <= now && now < row.end);
        expect(present).toBeDefined();
        const last = after.at(-1);
        expect(last?.end.getTime()).toBeGreaterThanOrEqual(cycleAt(present?.end ?? now, 0).end.getTime());
      });
    }),
    { numRuns: 300 },
  );
});

test("the present row is the best plan in force, and Free without one", () => {
  fc.assert(
    fc.property(...histories, (anchorMs, steps) => {
      play(anchorMs, steps, (_, after, now, subscriptions) => {
        const granting = subscriptions.filter(
          ({ status, endsAt }) => status === "active" && (endsAt === null || endsAt > now),
        );
        const rank = Math.max(
          0,
          ...granting.map(({ change, ...each }) =>
            change !== null && change.at <= now ? change.rank : each.rank,
          ),
        );
        const present = after.find((row) => row.start <= now && now < row.end);
        expect(ranks[present?.planId ?? "free"]).toBe(rank);
      });
    }),
    { numRuns: 300 },
  );
});
