import { expect, test } from "vitest";
import { boundaryAt, periodContaining } from "./period.ts";

const seconds = (iso: string) => Date.parse(iso) / 1_000;
const monthly = { interval: "month", interval_count: 1 };

test("months are counted from the anchor, so the 31st comes back", () => {
  const anchorAt = seconds("2027-01-31T08:30:15Z");
  expect(
    [0, 1, 2, 3].map((index) => new Date(boundaryAt(anchorAt, monthly, index) * 1_000).toISOString()),
  ).toEqual([
    "2027-01-31T08:30:15.000Z",
    "2027-02-28T08:30:15.000Z",
    "2027-03-31T08:30:15.000Z",
    "2027-04-30T08:30:15.000Z",
  ]);
});

test("a leap day anchor of a yearly price falls back to 28 February", () => {
  const anchorAt = seconds("2028-02-29T00:00:00Z");
  const yearly = { interval: "year", interval_count: 1 };
  expect(boundaryAt(anchorAt, yearly, 1)).toBe(seconds("2029-02-28T00:00:00Z"));
  expect(boundaryAt(anchorAt, yearly, 4)).toBe(seconds("2032-02-29T00:00:00Z"));
});

test.each(["day", "week", "month", "year"])("%s periods tile time without gap or overlap", (interval) => {
  const anchorAt = seconds("2026-05-31T23:59:59Z");
  const recurrence = { interval, interval_count: 2 };
  for (let index = -15; index < 15; index++) {
    const start = boundaryAt(anchorAt, recurrence, index);
    const end = boundaryAt(anchorAt, recurrence, index + 1);
    expect(periodContaining(anchorAt, recurrence, start)).toEqual({ start, end });
    expect(periodContaining(anchorAt, recurrence, end - 1)).toEqual({ start, end });
  }
});
