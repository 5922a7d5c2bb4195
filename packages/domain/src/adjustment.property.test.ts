import { quantityMax } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ClosedTotal, decideAdjustment, describeAdjustment, priceAfter } from "./adjustment.ts";
import { overageAmountMinor } from "./price.ts";

const pro = { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 };
const closed = (given: Partial<ClosedTotal>): ClosedTotal => ({
  accountId: "acme",
  metric: "events",
  periodStart: new Date("2026-07-01T00:00:00Z"),
  totalQuantity: 0,
  sentQuantity: 0,
  closeSentQuantity: given.sentQuantity ?? 0,
  isWholePeriod: true,
  adjustedQuantity: null,
  carriedQuantity: 0,
  adjustedCarried: 0,
  windowCount: 0,
  isMismatched: false,
  invoicedQuantity: "none",
  price: pro,
  ...given,
});
const prices = fc.record({
  includedQuantity: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  amountMinor: fc.integer({ min: 0, max: 1_000 }),
  perUnits: fc.integer({ min: 1_000, max: 1_000_000 }),
});

test("whatever a total does after the close, what is billed and adjusted is the price of the total", () => {
  const quantities = fc.array(fc.integer({ min: 0, max: quantityMax }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      prices,
      fc.integer({ min: 0, max: quantityMax }),
      quantities,
      (price, sentQuantity, totals) => {
        let state = closed({ price, sentQuantity });
        let amountMinor = overageAmountMinor(sentQuantity, price);
        const ids = new Set<string>();
        for (const totalQuantity of totals) {
          const decision = decideAdjustment({ ...state, totalQuantity });
          const before = state.adjustedQuantity ?? sentQuantity;
          expect(decision.outcome).toBe(before === totalQuantity ? "none" : "adjust");
          if (decision.outcome !== "adjust") continue;
          const { window } = decision;
          expect(window.fromQuantity).toBe(before);
          expect(window.state).toBe(window.amountMinor === 0 ? "settled" : "pending");
          expect(Math.sign(window.amountMinor) * Math.sign(totalQuantity - before)).toBeGreaterThanOrEqual(0);
          expect(ids.has(window.adjustmentId)).toBe(false);
          ids.add(window.adjustmentId);
          amountMinor += window.amountMinor;
          state = { ...state, adjustedQuantity: window.toQuantity, windowCount: window.windowNo };
          expect(amountMinor).toBe(overageAmountMinor(totalQuantity, price));
        }
      },
    ),
  );
});

test("parts of a billing period cost what one would, whenever usage of either comes in", () => {
  const used = fc.integer({ min: 0, max: 2_000_000_000_000 });
  const later = fc.array(fc.record({ first: used, second: used }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(prices, used, later, (price, sentQuantity, looks) => {
      let state = closed({ price, sentQuantity });
      // Stripe's item counts anew from its beginning.
      let amountMinor = overageAmountMinor(sentQuantity, price);
      for (const { first, second } of looks) {
        const look = { totalQuantity: second, carriedQuantity: first };
        for (let windows = 0; ; windows += 1) {
          const decision = decideAdjustment({ ...state, ...look });
          if (decision.outcome !== "adjust") break;
          expect(windows).toBeLessThan(2);
          const { window } = decision;
          amountMinor += window.amountMinor;
          const { toQuantity: adjustedQuantity, toCarried: adjustedCarried, windowNo: windowCount } = window;
          state = { ...state, adjustedQuantity, adjustedCarried, windowCount };
        }
        const apart = overageAmountMinor(first, price) + amountMinor;
        // Each of the two parts is rounded by itself.
        expect(Math.abs(apart - overageAmountMinor(first + second, price))).toBeLessThanOrEqual(1);
        expect(amountMinor).toBe(overageAmountMinor(second, priceAfter(price, first)));
      }
    }),
  );
});

test("late within what is included costs nothing; the included quantity is given once", () => {
  const decided = (given: Partial<ClosedTotal>) => {
    const decision = decideAdjustment(closed(given));
    return decision.outcome === "adjust" ? decision.window : decision;
  };
  expect(decided({ totalQuantity: 900, sentQuantity: 100 })).toMatchObject({
    amountMinor: 0,
    state: "settled",
  });
  expect(decided({ totalQuantity: 101_000, sentQuantity: 99_000 })).toMatchObject({
    fromQuantity: 99_000,
    toQuantity: 101_000,
    amountMinor: 50,
    reason: "late",
    state: "pending",
  });
  expect(decided({ totalQuantity: 110_000, sentQuantity: 130_000 })).toMatchObject({ amountMinor: -1_000 });
  expect(decided({ totalQuantity: 5, sentQuantity: 5 })).toEqual({ outcome: "none" });
});

test("a close that was not verified is adjusted to what its invoice bills, as soon as that is known", () => {
  const remainder = { isMismatched: true, totalQuantity: 150_000, sentQuantity: 150_000 };
  const decided = (given: Partial<ClosedTotal>) => decideAdjustment(closed({ ...remainder, ...given }));
  expect(decided({ invoicedQuantity: null })).toEqual({ outcome: "wait" });
  expect(decided({ invoicedQuantity: 150_000 })).toEqual({ outcome: "none" });
  // Sent after Stripe had finalized the draft.
  expect(decided({ invoicedQuantity: 120_000 })).toMatchObject({
    window: { fromQuantity: 120_000, toQuantity: 150_000, amountMinor: 1_500, reason: "remainder" },
  });
  expect(
    decided({
      invoicedQuantity: 120_000,
      isWholePeriod: false,
      closeSentQuantity: 160_000,
      totalQuantity: 151_000,
    }),
  ).toMatchObject({ window: { fromQuantity: 150_000, toQuantity: 151_000, state: "review" } });
});

test("the line says how much of what, and when", () => {
  const line = {
    reason: "late" as const,
    quantity: 1_000,
    unit: "event",
    periodStart: new Date("2026-07-01T00:00:00Z"),
    periodEnd: new Date("2026-08-01T00:00:00Z"),
  };
  expect(describeAdjustment(line)).toBe("Late usage: 1,000 events, 1–31 July 2026");
  expect(describeAdjustment({ ...line, quantity: -1, periodEnd: new Date("2026-08-15T12:00:00Z") })).toBe(
    "Usage correction: -1 event, 1 July–15 August 2026",
  );
  expect(describeAdjustment({ ...line, reason: "allowance" })).toBe(
    "Included events that were used before, 1–31 July 2026",
  );
});
