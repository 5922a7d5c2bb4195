import { expect, test } from "vitest";
import { proratedMinor } from "./proration.ts";

const period = { start: 1_000, end: 4_000 };

test("the share of the remaining seconds, rounded once", () => {
  expect(proratedMinor(2_900, period, 1_000)).toBe(2_900);
  expect(proratedMinor(2_900, period, 2_500)).toBe(1_450);
  expect(proratedMinor(1_000, period, 2_000)).toBe(667);
  expect(proratedMinor(2_900, period, 4_000)).toBe(0);
  expect(proratedMinor(-2_900, period, 2_500)).toBe(-1_450);
});

test("an instant before the period or an empty period does not inflate it", () => {
  expect(proratedMinor(2_900, period, 0)).toBe(2_900);
  expect(proratedMinor(2_900, { start: 5, end: 5 }, 5)).toBe(0);
});
