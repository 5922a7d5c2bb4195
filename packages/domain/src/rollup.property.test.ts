import fc from "fast-check";
import { expect, test } from "vitest";
import { type Counted, countedNothing, countEvent } from "./quota.ts";
import { mergeCounted } from "./rollup.ts";

const aggregation = fc.constantFrom("sum" as const, "count" as const, "max" as const, "last" as const);
const event = fc.record({ quantity: fc.nat(1_000), occurredAtMs: fc.integer({ min: 1, max: 1_000_000 }) });

test("spans that follow each other, merged, are what their events come to together", () => {
  fc.assert(
    fc.property(
      aggregation,
      fc.uniqueArray(event, { selector: ({ occurredAtMs }) => occurredAtMs, minLength: 2 }),
      fc.nat(),
      (by, events, cut) => {
        const count = (some: typeof events): Counted =>
          some.reduce((counted, each) => countEvent(by, counted, each), countedNothing);
        const at = 1 + (cut % (events.length - 1));
        const parts = [events.slice(0, at), events.slice(at)].map(count) as [Counted, Counted];
        expect(mergeCounted(by, ...parts)).toEqual(count(events));
      },
    ),
  );
});
