import { expect, test } from "vitest";
import { decideStaleReports } from "./stale-reports.ts";

const reports = [
  { identifier: "a", quantity: 5 },
  { identifier: "b", quantity: 7 },
];

test.each([
  [100, [], ["a", "b"]],
  [105, ["a"], ["b"]],
  [112, ["a", "b"], []],
])("of 100 confirmed and %i in all, %j have arrived", (total, arrived, missing) => {
  expect(decideStaleReports(reports, { confirmed: 100, total })).toEqual({
    outcome: "decided",
    arrived: reports.filter(({ identifier }) => arrived.includes(identifier as never)),
    missing: reports.filter(({ identifier }) => missing.includes(identifier as never)),
  });
});

test("a total that no way of arriving explains is left to an operator", () => {
  expect(decideStaleReports(reports, { confirmed: 100, total: 107 })).toEqual({
    outcome: "mismatch",
    unexplained: 7,
  });
});
