import type { ReconciliationDto } from "@driftlock/contracts";
import { expect, test } from "vitest";
import { figureFacts } from "./reconciliation-words.ts";

const figures: NonNullable<ReconciliationDto["figures"]> = {
  ...{ accepted: null, stored: 4, total: 5, live: 5, setAsideEvents: 1, isBilled: false, isClosed: false },
  ...{ reported: 0, confirmed: 0, waiting: 0, refused: 0, adjusted: 0, invoiced: null },
};
const row = { metric: "events", figures } as ReconciliationDto;
const factsOf = (changes: Partial<typeof figures>) =>
  Object.fromEntries(figureFacts({ ...row, figures: { ...figures, ...changes } }));

test("what was set aside is counted in words", () => {
  expect(factsOf({})["Set aside"]).toBe("1 event");
  expect(factsOf({ setAsideEvents: 0 })["Set aside"]).toBe("0 events");
});

test("what Stripe has is shown where the plan bills it; what is not known is not called nothing", () => {
  expect(factsOf({})).not.toHaveProperty("Invoiced");
  expect(factsOf({})).toMatchObject({ Accepted: "not known", Stored: "4" });
  expect(factsOf({ isBilled: true })).toMatchObject({ Invoiced: "not known", "Told to Stripe": "0" });
});
