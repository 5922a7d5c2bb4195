import { expect, test } from "vitest";
import { declineActionOf } from "./decline-codes.ts";

test("Stripe's hard declines are never retried on the same card", () => {
  const hard = [
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "stolen_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "authentication_required",
    "highest_risk_level",
    "transaction_not_allowed",
  ];
  expect(hard.filter((code) => declineActionOf(code) === "retry")).toEqual([]);
});

test("soft, unknown and missing codes are retried", () => {
  for (const code of ["generic_decline", "insufficient_funds", "processing_error", "never_seen", null])
    expect(declineActionOf(code)).toBe("retry");
});
