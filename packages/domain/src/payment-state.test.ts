import { expect, test } from "vitest";
import { accessOf, defaultAccessPolicy, type OwedInvoice, paymentStates } from "./index.ts";

const owed: OwedInvoice = {
  status: "open",
  amountRemainingMinor: 100,
  isActionRequired: false,
  declineCode: null,
  isGivenUp: false,
  isLeftBehind: false,
};
const failed = { ...owed, declineCode: "generic_decline" };

type Status = Parameters<typeof paymentStates>[0]["subscriptions"][number]["status"];
const states = (
  invoices: readonly OwedInvoice[],
  { status = "active", isDisputed = false }: { status?: Status; isDisputed?: boolean } = {},
) => paymentStates({ invoices, subscriptions: [{ status }], isDisputed });

test("it is past due until each of its invoices is settled", () => {
  expect(states([])).toEqual(["ok"]);
  expect(states([owed])).toEqual(["ok"]);
  expect(states([{ ...failed, amountRemainingMinor: 0 }])).toEqual(["ok"]);
  expect(states([failed, { ...failed, status: "paid", amountRemainingMinor: 0 }])).toEqual(["past_due"]);
  expect(states([], { status: "past_due" })).toEqual(["past_due"]);
});

test("a bank that wants to see the customer asks for a confirmation, however it says so", () => {
  expect(states([{ ...owed, isActionRequired: true }, failed])).toEqual(["action_required", "past_due"]);
  expect(states([{ ...owed, declineCode: "authentication_required" }])).toEqual(["action_required"]);
});

test("what was given up is unpaid until it is paid, or until the account buys again", () => {
  const givenUp = { ...failed, isGivenUp: true };
  const leftBehind = { ...givenUp, isLeftBehind: true };
  expect(states([givenUp])).toEqual(["unpaid"]);
  expect(states([leftBehind], { status: "canceled" })).toEqual(["unpaid"]);
  expect(states([leftBehind])).toEqual(["ok"]);
  expect(states([], { status: "unpaid" })).toEqual(["unpaid"]);
});

test("who cancelled is not asked any more", () => {
  expect(states([{ ...failed, isLeftBehind: true }], { status: "canceled" })).toEqual(["ok"]);
});

test("what was written off counts only while it keeps a subscription paused", () => {
  const writtenOff = { ...failed, status: "uncollectible", isGivenUp: true } as const;
  expect(states([writtenOff], { status: "paused" })).toEqual(["unpaid"]);
  expect(states([{ ...writtenOff, isLeftBehind: true }], { status: "canceled" })).toEqual(["ok"]);
});

test("of several states the strictest access holds: none hides another", () => {
  const policy = { ...defaultAccessPolicy, past_due: "full", disputed: "none" } as const;
  expect(states([failed], { isDisputed: true })).toEqual(["past_due", "disputed"]);
  expect(accessOf(policy, ["past_due", "disputed"])).toBe("none");
  expect(accessOf(policy, ["ok"])).toBe("full");
});
