import fc from "fast-check";
import { expect, test } from "vitest";
import { cycleAt, cycleIndexAt } from "./cycle.ts";

const anchors = fc.date({
  min: new Date("2020-01-01T00:00:00Z"),
  max: new Date("2032-12-31T23:59:59Z"),
  noInvalidDate: true,
});

test("cycles tile time without gap or overlap, for every anchor", () => {
  fc.assert(
    fc.property(anchors, fc.integer({ min: -24, max: 240 }), (anchor, index) => {
      const cycle = cycleAt(anchor, index);
      expect(cycle.start.getTime()).toBeLessThan(cycle.end.getTime());
      expect(cycleAt(anchor, index + 1).start).toEqual(cycle.end);
    }),
  );
});

test("the index of an instant names the cycle that holds it", () => {
  fc.assert(
    fc.property(anchors, anchors, (anchor, at) => {
      const cycle = cycleAt(anchor, cycleIndexAt(anchor, at));
      expect(cycle.start.getTime()).toBeLessThanOrEqual(at.getTime());
      expect(cycle.end.getTime()).toBeGreaterThan(at.getTime());
    }),
  );
});

test("a cycle starts on the anchor's day, or on the last day of a shorter month", () => {
  const anchor = new Date("2024-01-31T09:30:00.123Z");
  const starts = [0, 1, 2, 3, 13].map((index) => cycleAt(anchor, index).start.toISOString());
  expect(starts).toEqual([
    "2024-01-31T09:30:00.123Z",
    "2024-02-29T09:30:00.123Z",
    "2024-03-31T09:30:00.123Z",
    "2024-04-30T09:30:00.123Z",
    "2025-02-28T09:30:00.123Z",
  ]);
});
