import fc from "fast-check";
import { expect, test } from "vitest";
import { explainCharge } from "./explain-charge.ts";
import { explainEvent } from "./explain-event.ts";

test("150,009 events on Pro: the tiers, the exact sum, and what it rounds to", () => {
  expect(explainCharge(150_009, { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 })).toEqual({
    tiers: [
      { from: 0, upTo: 100_000, units: 100_000, amountMinor: 0, perUnits: 1 },
      { from: 100_000, upTo: null, units: 50_009, amountMinor: 50, perUnits: 1_000 },
    ],
    unroundedMinor: "2500450/1000",
    amountMinor: 2_500,
  });
});

test("the tiers hold all units, and the amount is the fraction rounded once", () => {
  const price = fc.record({
    includedQuantity: fc.integer({ min: 0, max: 1_000 }),
    amountMinor: fc.integer({ min: 0, max: 500 }),
    perUnits: fc.integer({ min: 1, max: 1_000 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), price, (quantity, given) => {
      const { tiers, unroundedMinor, amountMinor } = explainCharge(quantity, given);
      expect(tiers.reduce((sum, { units }) => sum + units, 0)).toBe(quantity);
      const [numerator = 0, denominator = 1] = unroundedMinor.split("/").map(Number);
      expect(Math.abs(amountMinor * denominator - numerator) * 2).toBeLessThanOrEqual(denominator);
    }),
  );
});

test("an event is billed where its plan bills, its invoice is final, and its line costs something", () => {
  const paid = {
    planId: "pro",
    policy: "bill",
    includedQuantity: 10,
    totalQuantity: 11,
    isTrial: false,
    isLate: false,
    invoiceStatus: "paid",
  } as const;
  expect(explainEvent(paid)).toBe("invoiced");
  expect(explainEvent({ ...paid, totalQuantity: 10 })).toBe("within-included-quantity");
  expect(explainEvent({ ...paid, invoiceStatus: "draft" })).toBe("not-yet-invoiced");
  expect(explainEvent({ ...paid, invoiceStatus: null })).toBe("not-yet-invoiced");
  expect(explainEvent({ ...paid, isTrial: true })).toBe("trial");
  expect(explainEvent({ ...paid, isLate: true })).toBe("carried");
  expect(explainEvent({ ...paid, policy: "refuse" })).toBe("not-billed-by-plan");
  expect(explainEvent({ ...paid, planId: "free", policy: "refuse" })).toBe("free-plan");
});
