import { expect, test } from "vitest";
import { planOfPrice, selectSubscription, subscriptionSteps } from "./index.ts";

const at = (day: number) => new Date(Date.UTC(2026, 0, day));
const pro = { status: "active", rank: 1, startedAt: at(1) } as const;
const business = { status: "active", rank: 2, startedAt: at(2) } as const;

test("the best of the granting subscriptions gives the plan, whichever ended last", () => {
  expect(selectSubscription([pro, business])).toBe(business);
  expect(selectSubscription([pro, { ...business, status: "canceled" }])).toBe(pro);
  expect(selectSubscription([{ ...pro, status: "past_due" }])).toMatchObject({ rank: 1 });
  expect(
    selectSubscription([
      { ...pro, status: "unpaid" },
      { ...pro, status: "incomplete" },
    ]),
  ).toBeNull();
  expect(selectSubscription([{ ...pro, startedAt: at(3) }, pro])).toBe(pro);
});

test("a price is known by its id, else by its lookup key", () => {
  const plans = [
    { planId: "pro", version: 1, stripePriceId: "price_1" },
    { planId: "pro", version: 2, stripePriceId: null },
  ] as const;
  expect(planOfPrice(plans, { id: "price_1", lookupKey: null })).toBe(plans[0]);
  expect(planOfPrice(plans, { id: "price_x", lookupKey: "driftlock_pro_v2" })).toBe(plans[1]);
  expect(planOfPrice(plans, { id: "price_x", lookupKey: null })).toBeNull();
});

test("each step of a subscription is told when it is taken", () => {
  const active = {
    planId: "pro",
    planVersion: 1,
    status: "active",
    cancelAtPeriodEnd: false,
    cancelAt: null,
  } as const;
  const ending = { ...active, cancelAtPeriodEnd: true };
  const canceled = { ...active, status: "canceled" } as const;
  expect(subscriptionSteps(null, active)).toEqual(["subscription.started"]);
  expect(subscriptionSteps({ ...active, status: "incomplete" }, active)).toEqual(["subscription.started"]);
  expect(subscriptionSteps(active, active)).toEqual([]);
  expect(subscriptionSteps(active, { ...active, planId: "business" })).toEqual(["subscription.changed"]);
  expect(subscriptionSteps(active, ending)).toEqual(["subscription.cancel_scheduled"]);
  expect(subscriptionSteps(ending, active)).toEqual(["subscription.resumed"]);
  expect(subscriptionSteps(ending, canceled)).toEqual(["subscription.ended"]);
  expect(subscriptionSteps(null, canceled)).toEqual([]);
  expect(subscriptionSteps(active, { ...active, status: "past_due" })).toEqual([]);
});
