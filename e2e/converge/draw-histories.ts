import fc from "fast-check";
import type { Action, Course, Fate, Fault, History } from "./history.ts";

const slotsCount = 9;
const minute = 1;
const hour = 60 * minute;
const day = 24 * hour;

const goodCards = ["pm_card_visa", "pm_card_mastercard"];
const otherCards = [
  "pm_card_chargeCustomerFail",
  "pm_card_visa_chargeCustomerFailLostCard",
  "pm_card_authenticationRequired",
  "pm_card_createDispute",
];

const plan = fc.constantFrom("pro", "business");
const card = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...goodCards) },
  fc.constantFrom(...otherCards),
);

const by = fc.constantFrom("us", "portal");
const bare = <Do extends Action["do"]>(name: Do) => fc.constant({ do: name });

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("subscribe"), plan, card }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("subscribe-twice"), plans: fc.tuple(plan, plan) }) },
  { weight: 2, arbitrary: bare("upgrade") },
  { weight: 2, arbitrary: bare("downgrade") },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cancel-at-end"), by }) },
  { weight: 1, arbitrary: bare("cancel-now") },
  { weight: 1, arbitrary: bare("cancel-at-stripe") },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("resume"), by }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("new-card"),
      card,
      by: fc.constantFrom("form", "portal", "attach"),
    }),
  },
  { weight: 1, arbitrary: bare("detach-card") },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pay-open-invoice"), card }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refund"), share: fc.constantFrom("all", "half") }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("decide-dispute"), status: fc.constantFrom("won", "lost") }),
  },
  { weight: 1, arbitrary: bare("delete-customer") },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("use"), quantity: fc.constantFrom(1, 40_000, 130_000) }),
  },
) as fc.Arbitrary<Action>;

const fate: fc.Arbitrary<Fate> = fc.record({
  how: fc.oneof(
    { weight: 6, arbitrary: fc.constant("once" as const) },
    { weight: 1, arbitrary: fc.constant("twice" as const) },
    { weight: 2, arbitrary: fc.constant("late" as const) },
    { weight: 2, arbitrary: fc.constant("lost" as const) },
    { weight: 1, arbitrary: fc.constant("again" as const) },
  ),
  order: fc.nat({ max: 9 }),
  slots: fc.integer({ min: 1, max: 4 }),
  isOtherVersion: fc.boolean(),
});

const fault: fc.Arbitrary<Fault> = fc.record({
  // After the last slot comes what was late or lost, and nothing that would make good what goes wrong then.
  slot: fc.oneof({ weight: 3, arbitrary: fc.nat({ max: slotsCount - 1 }) }, fc.constant(slotsCount)),
  job: fc.nat({ max: 9 }),
  at: fc.nat({ max: 17 }),
  how: fc.oneof(
    { weight: 4, arbitrary: fc.constant("die" as const) },
    { weight: 2, arbitrary: fc.constant("fail" as const) },
    { weight: 2, arbitrary: fc.constant("lose-answer" as const) },
    { weight: 2, arbitrary: fc.constant("pause" as const) },
    { weight: 2, arbitrary: fc.constant("stall" as const) },
    { weight: 1, arbitrary: fc.constant("lose" as const) },
  ),
});

/** The first thing that anybody does is to buy; what comes after is open. */
const actions = fc
  .tuple(
    fc.record({ slot: fc.nat({ max: 2 }), plan, card }),
    fc.array(fc.record({ slot: fc.nat({ max: slotsCount - 1 }), action }), { minLength: 2, maxLength: 9 }),
  )
  .map(([first, more]): History["actions"] =>
    [
      { slot: first.slot, action: { do: "subscribe" as const, plan: first.plan, card: first.card } },
      ...more,
    ].toSorted((a, b) => a.slot - b.slot),
  ) as fc.Arbitrary<History["actions"]>;

const history: fc.Arbitrary<History> = fc.record({
  actions,
  fates: fc.array(fate, { minLength: 5, maxLength: 23 }),
  faults: fc.array(fault, { maxLength: 12 }),
  shuffle: fc.nat(),
});

const course: fc.Arbitrary<Course> = fc.record({
  gapsMinutes: fc.array(
    fc.constantFrom(3 * minute, 3 * minute, 2 * hour, day, 2 * day, 4 * day, 9 * day, 16 * day),
    {
      minLength: slotsCount,
      maxLength: slotsCount,
    },
  ),
  sweeps: fc.array(
    fc.nat({ max: 3 }).map((drawn) => drawn === 0),
    { minLength: slotsCount, maxLength: slotsCount },
  ),
  dunningMode: fc.oneof(
    { weight: 4, arbitrary: fc.constant("worker" as const) },
    { weight: 1, arbitrary: fc.constant("stripe" as const) },
  ),
  finalStep: fc.constantFrom("cancel" as const, "pause" as const, "downgrade-to-free" as const),
});

/** The `batchNo`-th batch of a seed: the same arguments are the same histories. */
export function drawBatch(of: { seed: number; batchNo: number; size: number }): {
  course: Course;
  histories: History[];
} {
  const seed = (of.seed * 1_000_003 + of.batchNo) | 0;
  const [drawn] = fc.sample(course, { seed, numRuns: 1 });
  if (drawn === undefined) throw new Error("no course was drawn");
  // Sizes of what is drawn do not grow over a run, so that every batch is as hard as the last.
  return { course: drawn, histories: fc.sample(fc.noBias(history), { seed, numRuns: of.size }) };
}
