import type { AlertThreshold } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AlertRules,
  alertPeriodStart,
  alertsOf,
  parseThreshold,
  reachedAlerts,
  thresholdKey,
} from "./alerts.ts";
import { overageAmountMinor } from "./price.ts";

const pro: AlertRules = {
  thresholds: null,
  includedQuantity: 100_000,
  overagePolicy: "bill",
  overageAmountMinor: 50,
  overagePerUnits: 1_000,
  spendCapMinor: null,
};
const keysAt = (rules: AlertRules, quantity: number) => reachedAlerts(rules, quantity).map(({ key }) => key);

test.each([
  [49_999, []],
  [50_000, ["percent:50"]],
  [80_000, ["percent:50", "percent:80"]],
  [100_000, ["percent:50", "percent:80", "percent:100"]],
])("without a choice: 50, 80 and 100 percent of what is included, at %i", (quantity, keys) => {
  expect(keysAt(pro, quantity)).toEqual(keys);
});

test("a choice stands for the defaults; a percentage of no end, or of nothing, is never reached", () => {
  const thresholds: AlertThreshold[] = [{ percent: 33 }, { quantity: 7 }];
  expect(keysAt({ ...pro, thresholds, includedQuantity: 10 }, 4)).toEqual(["percent:33"]);
  expect(
    keysAt({ ...pro, thresholds, includedQuantity: null, overagePolicy: "unlimited" }, 10 ** 15),
  ).toEqual(["quantity:7"]);
  expect(keysAt({ ...pro, thresholds, includedQuantity: 0 }, 10 ** 15)).toEqual(["quantity:7"]);
  expect(keysAt({ ...pro, thresholds: [] }, 10 ** 15)).toEqual([]);
});

test("the cap is told of from the first quantity that costs 80 % of it, and where the next would pass it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 7 }), (spendCapMinor) => {
      const [warned, reached] = alertsOf({ ...pro, spendCapMinor, thresholds: [] });
      const costs = (quantity: number) =>
        overageAmountMinor(quantity, { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 });
      expect(costs(warned!.reachedFrom!) * 100).toBeGreaterThanOrEqual(spendCapMinor * 80);
      expect(costs(warned!.reachedFrom! - 1) * 100).toBeLessThan(spendCapMinor * 80);
      expect(costs(reached!.reachedFrom!)).toBeLessThanOrEqual(spendCapMinor);
      expect(costs(reached!.reachedFrom! + 1)).toBeGreaterThan(spendCapMinor);
    }),
  );
  expect(alertsOf({ ...pro, spendCapMinor: 0, thresholds: [] })).toMatchObject([{ key: "spend-cap:100" }]);
});

test("a threshold is read as it was written", () => {
  for (const threshold of [{ percent: 80 }, { quantity: 999_999_999_999_999 }])
    expect(parseThreshold(thresholdKey(threshold))).toEqual(threshold);
});

test("the parts of one Free cycle are one period; a paid part is its own", () => {
  const anchor = new Date("2026-01-31T08:00:00Z");
  const partAt = (start: string, stripeSubscriptionId: string | null) =>
    alertPeriodStart(
      { periodStart: new Date(start), countedFrom: new Date(start), stripeSubscriptionId },
      anchor,
    ).toISOString();
  expect(partAt("2026-02-28T08:00:00Z", null)).toBe("2026-02-28T08:00:00.000Z");
  expect(partAt("2026-03-10T00:00:00Z", null)).toBe("2026-02-28T08:00:00.000Z");
  expect(partAt("2026-03-05T00:00:00Z", "sub_1")).toBe("2026-03-05T00:00:00.000Z");
});
