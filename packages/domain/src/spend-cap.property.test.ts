import fc from "fast-check";
import { expect, test } from "vitest";
import { overageAmountMinor } from "./price.ts";
import { quantityWithinCap } from "./spend-cap.ts";

const prices = fc.record({
  includedQuantity: fc.integer({ min: 0, max: 500 }),
  amountMinor: fc.integer({ min: 1, max: 120 }),
  perUnits: fc.integer({ min: 1, max: 70 }),
});

test("the quantity is the last one that a search by hand finds within the cap", () => {
  fc.assert(
    fc.property(prices, fc.integer({ min: 0, max: 60 }), (price, capMinor) => {
      let last = price.includedQuantity;
      while (overageAmountMinor(last + 1, price) <= capMinor) last++;
      expect(quantityWithinCap(price, capMinor)).toBe(last);
    }),
  );
});

test("at any size: the quantity is within the cap, and one more is not", () => {
  const large = fc.record({
    includedQuantity: fc.integer({ min: 0, max: 1_000_000_000_000 }),
    amountMinor: fc.integer({ min: 1, max: 1_000_000_000 }),
    perUnits: fc.integer({ min: 1, max: 1_000_000_000 }),
  });
  fc.assert(
    fc.property(large, fc.integer({ min: 0, max: 99_999_999_999 }), (price, capMinor) => {
      const quantity = quantityWithinCap(price, capMinor);
      if (quantity === null) return;
      expect(overageAmountMinor(quantity, price)).toBeLessThanOrEqual(capMinor);
      expect(overageAmountMinor(quantity + 1, price)).toBeGreaterThan(capMinor);
    }),
  );
});

test("Pro at a cap of $25: 150,009 events cost $25.00 after rounding, one more costs a cent more", () => {
  const pro = { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 };
  expect(quantityWithinCap(pro, 2_500)).toBe(150_009);
  expect(overageAmountMinor(150_009, pro)).toBe(2_500);
  expect(overageAmountMinor(150_010, pro)).toBe(2_501);
  expect(quantityWithinCap(pro, 0)).toBe(100_009);
});

test("what costs nothing, and what no period reaches, has no cap", () => {
  expect(quantityWithinCap({ includedQuantity: 10, amountMinor: 0, perUnits: 1 }, 5)).toBeNull();
  expect(
    quantityWithinCap({ includedQuantity: 10, amountMinor: 1, perUnits: 1_000_000 }, 99_999_999_999),
  ).toBeNull();
});
