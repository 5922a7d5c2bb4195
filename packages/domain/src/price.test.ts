import { quantityMax } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { overageAmountMinor } from "./price.ts";

const pro = { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 };

test("150,000 events on Pro cost $25, by the event", () => {
  expect(overageAmountMinor(150_000, pro)).toBe(2_500);
  expect(overageAmountMinor(100_000, pro)).toBe(0);
  expect(overageAmountMinor(100_009, pro)).toBe(0);
  expect(overageAmountMinor(100_010, pro)).toBe(1);
});

test("the line is rounded once: exact, monotonous, never more than half a unit off", () => {
  const quantities = fc.integer({ min: 0, max: quantityMax });
  fc.assert(
    fc.property(quantities, quantities, (a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      expect(overageAmountMinor(less, pro)).toBeLessThanOrEqual(overageAmountMinor(more, pro));
      const exactTimes20 = BigInt(Math.max(0, a - pro.includedQuantity));
      const error = BigInt(overageAmountMinor(a, pro)) * 20n - exactTimes20;
      expect(error > -10n && error <= 10n).toBe(true);
    }),
  );
});
