import { expect, test } from "vitest";
import { decideResend, decideStaleReports, lostReports } from "./stale-reports.ts";

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

test.each([
  [112, ["a"], "5 are missing: the one of 5"],
  [110, ["b"], "7 are missing: the one of 7"],
  [105, ["a", "b"], "12 are missing: both"],
  [108, [], "9 are missing: nobody knows whose"],
  [120, [], "there is more than was reported"],
])("of 117 reported Stripe has %i, so %j got lost", (total, lost) => {
  expect(lostReports(reports, { reported: 117, total }).map(({ identifier }) => identifier)).toEqual(lost);
});

test("two that explain the difference alike explain nothing", () => {
  const alike = [reports[0]!, { identifier: "c", quantity: 5 }];
  expect(lostReports(alike, { reported: 10, total: 5 })).toEqual([]);
});

interface Figures {
  total: number;
  from?: number;
  to?: number;
  reportMode?: "sum" | "last";
}

test.each<[string, Figures, string, string]>([
  ["Stripe lacks it", { total: 100 }, "send-again", "send-again"],
  ["Stripe has it", { total: 107 }, "arrived", "arrived"],
  ["Stripe lacks others too", { total: 60 }, "unexplained", "send-again"],
  ["Stripe has a part of it", { total: 103 }, "unexplained", "unexplained"],
  ["Stripe has more than was reported", { total: 110 }, "unexplained", "unexplained"],
  ["it takes back, and others lack", { total: 120, from: 7, to: 0 }, "unexplained", "send-again"],
  ["it takes back, and that twice", { total: 86, from: 7, to: 0 }, "unexplained", "unexplained"],
  ["another total is there", { total: 110, reportMode: "last" }, "unexplained", "send-again"],
])("of 100 without it: %s", (_, { total, from = 0, to = 7, reportMode = "sum" }, byFigures, byWord) => {
  const report = { reportMode, fromQuantity: from, toQuantity: to };
  const decide = (isDecided: boolean) => decideResend(report, { reported: 100, total, isDecided });
  expect([decide(false), decide(true)]).toEqual([byFigures, byWord]);
});
