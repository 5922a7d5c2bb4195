import { expect, test } from "vitest";
import { nextDunningStep } from "./dunning.ts";

const failedAt = new Date("2026-03-01T10:00:00Z");
const day = (days: number) => new Date(failedAt.getTime() + days * 24 * 3_600_000);
const next = (lastTriedAt: Date, action: "retry" | "new_card" | "authenticate" | "give_up" = "retry") =>
  nextDunningStep({ firstFailedAt: failedAt, lastTriedAt, action });

test("tries on days 1, 3, 5, 7 after the first failure, then the final step", () => {
  expect([0, 1, 3, 5].map((days) => next(day(days)))).toEqual(
    [1, 3, 5, 7].map((days) => ({ kind: "retry", at: day(days) })),
  );
  expect(next(day(7))).toEqual({ kind: "final", at: day(7) });
});

test("a try that was late shifts nothing, and missed days are not made up for", () => {
  expect(next(day(1.2))).toEqual({ kind: "retry", at: day(3) });
  expect(next(day(6))).toEqual({ kind: "retry", at: day(7) });
  expect(next(day(9))).toEqual({ kind: "final", at: day(9) });
});

test("where only the customer can help there are no tries, but the same end", () => {
  expect(next(failedAt, "new_card")).toEqual({ kind: "final", at: day(7) });
  expect(next(day(3), "authenticate")).toEqual({ kind: "final", at: day(7) });
});

test("a customer who told the bank to stop is not waited for", () => {
  expect(next(failedAt, "give_up")).toEqual({ kind: "final", at: failedAt });
});
