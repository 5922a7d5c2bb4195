import { createHash } from "node:crypto";
import { aggregations } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addToReading, type ReadRecord, type ReadSums, valueOfReading } from "./usage-reading.ts";

const records = fc.array(
  fc
    .record({
      metric: fc.constantFrom("events", "alerts"),
      quantity: fc.integer({ min: 0, max: 1_000_000 }),
      occurredAtMs: fc.integer({ min: 0, max: 50 }),
      isOfPeriod: fc.boolean(),
    })
    .map(
      (each): Omit<ReadRecord, "receivedAtMs"> => ({
        ...each,
        sha256Hex: each.isOfPeriod ? createHash("sha256").update(JSON.stringify(each)).digest("hex") : null,
      }),
    ),
  { maxLength: 40 },
);

test("however a period is cut into steps, and in whatever order it is read, it is the same", () => {
  fc.assert(
    fc.property(records, fc.array(fc.nat({ max: 40 })), fc.gen(), (given, cuts, gen) => {
      const all = given.map((each, index): ReadRecord => ({ ...each, receivedAtMs: index }));
      const shuffled = all
        .map((each) => ({ each, at: gen(fc.nat) }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ each }) => each);
      let inSteps: ReadSums = {};
      let from = 0;
      for (const cut of [...cuts.toSorted((a, b) => a - b), shuffled.length]) {
        inSteps = JSON.parse(JSON.stringify(addToReading(inSteps, shuffled.slice(from, cut)))) as ReadSums;
        from = Math.max(from, cut);
      }
      expect(inSteps).toEqual(addToReading({}, all));
    }),
  );
});

test("its value by aggregation is what the records say", () => {
  const read = addToReading(
    {},
    [3, 9, 4].map((quantity, index) => ({
      metric: "m",
      quantity,
      occurredAtMs: index === 1 ? 0 : 5,
      receivedAtMs: index,
      sha256Hex: null,
    })),
  );
  const sum = read["m"];
  if (sum === undefined) throw new Error("nothing read");
  expect(aggregations.map((aggregation) => valueOfReading(sum, aggregation))).toEqual([16, 3, 9, 4, null]);
  expect(sum).toMatchObject({ digestEvents: 0, digest: "0".repeat(64) });
});
