import { expect, test } from "vitest";
import { cardEndsAt, isCardExpiring } from "./card-expiry.ts";

test("a card is good to the end of its last month, December included", () => {
  expect(cardEndsAt({ expMonth: 2, expYear: 2028 })).toEqual(new Date("2028-03-01T00:00:00Z"));
  expect(cardEndsAt({ expMonth: 12, expYear: 2026 })).toEqual(new Date("2027-01-01T00:00:00Z"));
});

test("its owner is told from 30 days before its end, and after it", () => {
  const endsAt = cardEndsAt({ expMonth: 3, expYear: 2026 });
  expect(isCardExpiring(endsAt, new Date("2026-03-02T00:00:00Z"))).toBe(false);
  expect(isCardExpiring(endsAt, new Date("2026-03-02T00:00:01Z"))).toBe(true);
  expect(isCardExpiring(endsAt, new Date("2026-05-01T00:00:00Z"))).toBe(true);
});
