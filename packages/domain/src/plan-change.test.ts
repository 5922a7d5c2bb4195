import { expect, test } from "vitest";
import { decidePlanChange, itemChanges, plannedEnd, schedulePhases, upgradeSecond } from "./plan-change.ts";
import { type ChangePlan, presentSubscription, type StripeSubscriptionView } from "./present-subscription.ts";

const plan = (
  planId: ChangePlan["planId"],
  rank: number,
  meteredPriceId: string | null = null,
): ChangePlan => ({
  planId,
  version: 1,
  rank,
  priceAmountMinor: rank * 1_000,
  interval: "month",
  stripePriceId: rank === 0 ? null : `price_${planId}`,
  limits: [
    {
      metric: "events",
      overagePolicy: meteredPriceId === null ? "unlimited" : "bill",
      stripePriceId: meteredPriceId,
    },
  ],
});
const free = plan("free", 0);
const pro = plan("pro", 1, "price_pro_events");
const business = plan("business", 2);
const newPro = { ...pro, version: 2, stripePriceId: "price_new_pro" };
const plans = [free, pro, newPro, business];
const period = { current_period_start: 1_000, current_period_end: 2_000 };

const onPro: StripeSubscriptionView = {
  id: "sub_1",
  status: "active",
  cancel_at_period_end: false,
  cancel_at: null,
  schedule: null,
  items: {
    data: [
      { id: "si_usage", price: { id: "price_pro_events" }, ...period },
      { id: "si_plan", quantity: 1, price: { id: "price_pro" }, ...period },
    ],
  },
};
const onBusiness = {
  ...onPro,
  items: { data: [{ id: "si_plan", quantity: 1, price: { id: "price_business" }, ...period }] },
};
const schedule = (priceId: string, status = "active") => ({
  id: "sub_sched_1",
  status,
  phases: [
    { start_date: 1_000, items: [{ price: "price_present" }] },
    { start_date: 2_000, items: [{ price: { id: priceId, lookup_key: null } }] },
  ],
});

function present(view: StripeSubscriptionView) {
  const found = presentSubscription(plans, view);
  if (found === null) throw new Error("it has ended");
  return found;
}

test("what a subscription is, whichever of its items comes first; one that has ended is nothing", () => {
  expect(present(onPro)).toMatchObject({
    plan: pro,
    item: { id: "si_plan" },
    isEnding: false,
    pending: null,
  });
  expect(present({ ...onBusiness, schedule: schedule("price_pro") }).pending).toBe(pro);
  expect(present({ ...onBusiness, schedule: schedule("price_business") }).pending).toBeNull();
  expect(present({ ...onBusiness, schedule: schedule("price_pro", "released") }).pending).toBeNull();
  expect(present({ ...onPro, cancel_at: 1_500 }).isEnding).toBe(true);
  expect(presentSubscription(plans, { ...onPro, status: "canceled" })).toBeNull();
  expect(() => presentSubscription([free], onPro)).toThrow("is in the catalogue");
});

test.each([
  ["a dearer plan", onPro, { kind: "change", plan: business }, "upgrade"],
  [
    "a dearer plan, unpaid",
    { ...onPro, status: "unpaid" },
    { kind: "change", plan: business },
    "SUBSCRIPTION_NOT_ACTIVE",
  ],
  ["a cheaper plan", onBusiness, { kind: "change", plan: pro }, "downgrade"],
  ["the present plan", onPro, { kind: "change", plan: pro }, "SAME_PLAN"],
  [
    "the present plan, with an end to take back",
    { ...onPro, cancel_at_period_end: true },
    { kind: "change", plan: pro },
    "take-back",
  ],
  [
    "the present plan, with a schedule",
    { ...onBusiness, schedule: schedule("price_pro") },
    { kind: "change", plan: business },
    "take-back",
  ],
  ["Free", onPro, { kind: "change", plan: free }, "cancel-at-end"],
  ["an end", onPro, { kind: "cancel" }, "cancel-at-end"],
  ["an end twice", { ...onPro, cancel_at_period_end: true }, { kind: "cancel" }, "ALREADY_CANCELED"],
  ["to go on", { ...onPro, cancel_at_period_end: true }, { kind: "resume", dropped: null }, "resume"],
  ["to go on, without an end", onPro, { kind: "resume", dropped: null }, "NOT_CANCELED"],
  [
    "the present plan, with a new version of it planned",
    { ...onPro, schedule: schedule("price_new_pro") },
    { kind: "change", plan: pro },
    "SAME_PLAN",
  ],
  ["a new version", onPro, { kind: "migrate", plan: newPro, isNow: false }, "migrate"],
  ["a new version at once", onPro, { kind: "migrate", plan: newPro, isNow: true }, "upgrade"],
  [
    "a new version at once, unpaid",
    { ...onPro, status: "unpaid" },
    { kind: "migrate", plan: newPro, isNow: true },
    "SUBSCRIPTION_NOT_ACTIVE",
  ],
  [
    "a new version twice",
    { ...onPro, schedule: schedule("price_new_pro") },
    { kind: "migrate", plan: newPro, isNow: false },
    "SAME_PLAN",
  ],
  [
    "the version back",
    { ...onPro, schedule: schedule("price_new_pro") },
    { kind: "migrate", plan: pro, isNow: false },
    "migrate",
  ],
  [
    "a new version of the plan to come",
    { ...onBusiness, schedule: schedule("price_pro") },
    { kind: "migrate", plan: newPro, isNow: true },
    "migrate",
  ],
  [
    "a new version, with an end",
    { ...onPro, cancel_at_period_end: true },
    { kind: "migrate", plan: newPro, isNow: false },
    "ALREADY_CANCELED",
  ],
  [
    "a new version, with another plan to come",
    { ...onPro, schedule: schedule("price_business") },
    { kind: "migrate", plan: newPro, isNow: true },
    "CHANGE_IN_PROGRESS",
  ],
  ["a new version of another plan", onBusiness, { kind: "migrate", plan: newPro, isNow: false }, "SAME_PLAN"],
] as const)("who asks for %s", (_, view, wish, expected) => {
  const decision = decidePlanChange(present(view as StripeSubscriptionView), wish);
  expect(decision.outcome === "refused" ? decision.code : decision.kind).toBe(expected);
});

test("a cancellation remembers the plan that was scheduled, and resume plans it again", () => {
  const cancel = decidePlanChange(present({ ...onBusiness, schedule: schedule("price_pro") }), {
    kind: "cancel",
  });
  expect(cancel).toMatchObject({ kind: "cancel-at-end", dropped: pro });
  expect(plannedEnd({ kind: "cancel-at-end", from: business, to: null })).toEqual({
    isEnding: true,
    next: null,
  });
  const ending = present({ ...onBusiness, cancel_at_period_end: true });
  const resume = decidePlanChange(ending, { kind: "resume", dropped: pro });
  expect(resume).toMatchObject({ kind: "resume", from: business, to: pro });
  expect(plannedEnd({ kind: "resume", from: business, to: pro })).toEqual({ isEnding: false, next: pro });
  expect(plannedEnd({ kind: "resume", from: business, to: business })).toEqual({
    isEnding: false,
    next: null,
  });
  expect(plannedEnd({ kind: "upgrade", from: pro, to: business })).toEqual({ isEnding: false, next: null });
});

test("a new version is scheduled, and taking it back schedules nothing; a trial stays one until its end", () => {
  expect(plannedEnd({ kind: "migrate", from: pro, to: newPro })).toEqual({ isEnding: false, next: newPro });
  expect(plannedEnd({ kind: "migrate", from: pro, to: pro })).toEqual({ isEnding: false, next: null });
  const [running, next] = schedulePhases(present({ ...onPro, status: "trialing" }), newPro, 1_000);
  expect([running, next]).toMatchObject([{ trial: true }, { metadata: { plan_changed_at: "2000" } }]);
  expect(schedulePhases(present(onPro), newPro, 1_000)[0]).not.toHaveProperty("trial");
});

test("an upgrade comes a little ahead, within its period, or after the renewal", () => {
  const at = (ms: number) => upgradeSecond(present(onPro), new Date(ms));
  expect(at(1_500_999)).toBe(1_502);
  expect(at(990_000)).toBe(1_001);
  expect(at(1_997_999)).toBe(1_999);
  expect(at(1_998_000)).toBeNull();
});

test("the plan's item is swapped; metered ones go and come", () => {
  expect(itemChanges(present(onPro), business)).toEqual([
    { id: "si_plan", price: "price_business", quantity: 1 },
    { id: "si_usage", deleted: true },
  ]);
  expect(itemChanges(present(onBusiness), pro)).toEqual([
    { id: "si_plan", price: "price_pro", quantity: 1 },
    { price: "price_pro_events" },
  ]);
});
