import { expect, test } from "vitest";
import { adjustmentOutcome, adjustmentReason } from "./adjustment-words.ts";

test.each([
  ["late", "it came late"],
  ["remainder", "Stripe was not told in time"],
  ["allowance", "what the plan includes was used before"],
  ["of_tomorrow", "of_tomorrow"],
])("%s: %s", (reason, words) => expect(adjustmentReason(reason)).toBe(words));

test("what costs nothing, or is not billed, is not said to be on an invoice", () => {
  expect(["sent", "settled", "waived", "of_tomorrow"].map(adjustmentOutcome)).toEqual([
    "on the next invoice",
    "costs nothing",
    "not billed",
    "of_tomorrow",
  ]);
});
