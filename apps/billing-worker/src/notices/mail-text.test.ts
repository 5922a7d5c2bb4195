import { expect, test } from "vitest";
import { mailText } from "./mail-text.ts";

test("a plan's new version is told with its day and what differs, in the plan's own currency", () => {
  const before = {
    name: "Pro",
    price: { amountMinor: 2_900, currency: "eur", interval: "month" },
    limits: { events: 100_000, alerts: 1_000, api_requests: null },
    overage: [{ metric: "events", amountMinor: 50, perUnits: 1_000 }],
  };
  const after = {
    ...before,
    price: { ...before.price, amountMinor: 3_500 },
    limits: { ...before.limits, events: 200_000 },
    overage: [{ metric: "events", amountMinor: 40, perUnits: 1_000 }],
  };
  expect(mailText("plan.version_changing", { effectiveAt: "2026-03-31T00:00:00Z", before, after })).toEqual({
    subject: "Your plan Pro changes on 31 March 2026",
    text: `From 31 March 2026 on your plan is a new version of Pro. What differs:

Price: €35.00 a month (until then €29.00 a month)
events: 200,000, then €0.40 for each 1,000 (until then 100,000, then €0.50 for each 1,000)`,
  });
});
