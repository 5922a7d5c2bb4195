import { expect, test } from "vitest";
import { type MovableSubscription, versionMoveStep } from "./version-move.ts";

const periodEnd = new Date("2026-03-01T00:00:00Z");
const onOld: MovableSubscription = {
  status: "active",
  planId: "pro",
  planVersion: 1,
  pendingPlanId: null,
  pendingPlanVersion: null,
  cancelAtPeriodEnd: false,
  cancelAt: null,
  periodEnd,
};
const pending = (planId: "pro" | "business", planVersion: number) => ({
  pendingPlanId: planId,
  pendingPlanVersion: planVersion,
});
const onBusiness = { ...onOld, planId: "business" as const };
const planning = { kind: "change", wish: "migrate", effectiveAt: periodEnd };
const planned = { kind: "planned", effectiveAt: periodEnd };
const atOnce = { kind: "change", wish: "migrate-now" };

test.each([
  ["the version", onOld, planning, atOnce],
  ["the version, past due", { ...onOld, status: "past_due" }, planning, atOnce],
  ["the version, unpaid: nothing would be collected", { ...onOld, status: "unpaid" }, planning, planning],
  ["the new version planned", { ...onOld, ...pending("pro", 2) }, planned, atOnce],
  ["a third version planned", { ...onOld, ...pending("pro", 3) }, planning, atOnce],
  ["the new version", { ...onOld, planVersion: 2 }, { kind: "moved" }, { kind: "moved" }],
  ["a third version", { ...onOld, planVersion: 3 }, { kind: "elsewhere" }, { kind: "elsewhere" }],
  ["another plan", onBusiness, { kind: "elsewhere" }, { kind: "elsewhere" }],
  ["another plan, and comes to the version", { ...onBusiness, ...pending("pro", 1) }, planning, planning],
  ["another plan, and comes to the new version", { ...onBusiness, ...pending("pro", 2) }, planned, planned],
  [
    "another plan that ends before it would come to the version",
    { ...onBusiness, ...pending("pro", 1), cancelAtPeriodEnd: true },
    { kind: "elsewhere" },
    { kind: "elsewhere" },
  ],
  ["nothing any more", { ...onOld, status: "canceled" }, { kind: "elsewhere" }, { kind: "elsewhere" }],
  ...[{ cancelAtPeriodEnd: true }, { cancelAt: periodEnd }].map(
    (ending) =>
      [
        `the version, and ends by ${Object.keys(ending).join()}`,
        { ...onOld, ...ending },
        { kind: "stands", because: "ends" },
        { kind: "stands", because: "ends" },
      ] as const,
  ),
  [
    "the version, and changes to another plan",
    { ...onOld, ...pending("business", 1) },
    { kind: "stands", because: "changes" },
    { kind: "stands", because: "changes" },
  ],
  [
    "the version, and is paused",
    { ...onOld, status: "paused" },
    { kind: "stands", because: "not-active" },
    { kind: "stands", because: "not-active" },
  ],
] as const)("who has %s", (_, given, atEnd, now) => {
  const subscription: MovableSubscription = given;
  const move = { planId: "pro", fromVersion: 1, toVersion: 2 } as const;
  expect(versionMoveStep(subscription, { ...move, timing: "period-end" })).toEqual(atEnd);
  expect(versionMoveStep(subscription, { ...move, timing: "now" })).toEqual(now);
});

test("a move that is taken back leaves the version planned that is there", () => {
  const back = { planId: "pro", fromVersion: 1, toVersion: 1, timing: "period-end" } as const;
  expect(versionMoveStep(onOld, back)).toEqual({ kind: "moved" });
  expect(versionMoveStep({ ...onOld, ...pending("pro", 2) }, back)).toEqual(planning);
  expect(versionMoveStep({ ...onOld, planVersion: 2 }, back)).toEqual({ kind: "elsewhere" });
});
