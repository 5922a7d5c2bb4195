import fc from "fast-check";
import { expect, test } from "vitest";
import {
  driftPersistsMs,
  type EarlierLook,
  type Judgement,
  judgeLook,
  type Look,
  reportLagMs,
} from "./reconcile.ts";

const still: Look = {
  isClosed: true,
  isBilled: true,
  isTrial: false,
  total: { before: 100, after: 100 },
  live: 100,
  stored: { quantity: 100, before: 100, after: 100, faults: 0 },
  windows: { sent: 100, open: 0, failed: 0 },
  adjusted: 0,
  isAdjusting: false,
  invoiced: { quantity: 100, isDraft: false },
};
const open: Look = { ...still, isClosed: false, invoiced: null };

/** Looks at these, each so long after the one before; the last judgement. */
function lookAt(looks: readonly (readonly [Look, number])[], isRepaired = false): Judgement {
  let earlier: EarlierLook | null = null;
  let judged: Judgement | undefined;
  let nowMs = 1_000_000;
  for (const [look, afterMs] of looks) {
    nowMs += afterMs;
    judged = judgeLook(look, earlier, nowMs);
    earlier = { ...judged, isRepaired };
  }
  if (judged === undefined) throw new Error("no look");
  return judged;
}
const twice = (look: Look): Judgement =>
  lookAt([
    [look, 0],
    [look, driftPersistsMs],
  ]);

test("what agrees agrees, open and closed, and says so after a repair", () => {
  expect(twice(still)).toMatchObject({ state: "agrees", differences: [], largest: 0 });
  expect(twice(open).state).toBe("agrees");
  expect(lookAt([[still, 0]], true).state).toBe("agrees");
  expect(
    lookAt(
      [
        [still, 0],
        [still, 1],
      ],
      true,
    ).state,
  ).toBe("repaired");
});

test.each<[string, Look, string[]]>([
  ["a live counter", { ...still, live: 99 }, ["live"]],
  ["records", { ...still, stored: { quantity: 99, before: 100, after: 100, faults: 2 } }, ["stored"]],
  ["a closed period's reports", { ...still, windows: { sent: 90, open: 0, failed: 0 } }, ["reported"]],
  ["an adjustment too much", { ...still, adjusted: 5 }, ["invoiced"]],
  ["an invoice's line", { ...still, invoiced: { quantity: 101, isDraft: false } }, ["invoiced"]],
  ["no invoice", { ...still, invoiced: null }, ["invoiced"]],
  ["a report that Stripe refused", { ...open, windows: { sent: 60, open: 0, failed: 40 } }, ["failed"]],
  ["more than was used, reported", { ...open, windows: { sent: 110, open: 0, failed: 0 } }, ["reported"]],
  ["what nobody bills, reported", { ...open, isBilled: false }, ["reported"]],
])("%s that differs for long enough has drifted", (_name, look, kinds) => {
  expect(lookAt([[look, 0]]).state).toBe("in_flight");
  const judged = twice(look);
  expect(judged.state).toBe("drifted");
  expect(judged.differences.map(({ kind }) => kind)).toEqual(kinds);
});

test.each<[string, Look]>([
  ["a draft", { ...still, invoiced: { quantity: 0, isDraft: true } }],
  ["a report that is under way", { ...still, windows: { sent: 90, open: 10, failed: 0 }, invoiced: null }],
  ["late usage that is being looked at", { ...still, adjusted: 3, isAdjusting: true }],
  ["records that were read once", { ...still, stored: { quantity: 99, before: 100, after: 100, faults: 1 } }],
])("%s is in flight, for however long", (_name, look) => {
  expect(
    lookAt([
      [look, 0],
      [look, driftPersistsMs],
      [look, 1_000 * driftPersistsMs],
    ]).state,
  ).toBe("in_flight");
});

test("late usage that was adjusted agrees: line + adjusted = total, whether Stripe was told of it too late or never", () => {
  const late: Look = { ...still, total: { before: 107, after: 107 }, live: 107, stored: null, adjusted: 7 };
  expect(twice(late).state).toBe("agrees");
  expect(twice({ ...late, windows: { sent: 107, open: 0, failed: 0 } }).state).toBe("agrees");
  expect(twice({ ...late, windows: { sent: 103, open: 0, failed: 0 } }).state).toBe("drifted");
  expect(twice({ ...late, invoiced: { quantity: 107, isDraft: false } }).state).toBe("drifted");
});

test("a trial's usage is told to Stripe and on no line", () => {
  const trial: Look = { ...still, isTrial: true, invoiced: null };
  expect(twice(trial).state).toBe("agrees");
  expect(twice({ ...trial, invoiced: { quantity: 100, isDraft: false } }).state).toBe("drifted");
});

test("a total that is not put into windows drifts, a while after it was counted", () => {
  const unfrozen: Look = { ...open, windows: { sent: 0, open: 0, failed: 0 } };
  expect(twice(unfrozen).state).toBe("agrees");
  const looks = [
    [unfrozen, 0],
    [unfrozen, reportLagMs],
    [unfrozen, driftPersistsMs],
  ] as const;
  expect(lookAt(looks.slice(0, 2)).state).toBe("in_flight");
  expect(lookAt(looks)).toMatchObject({
    state: "drifted",
    differences: [{ kind: "reported", expected: 100, found: 0 }],
  });
});

test("usage that goes on is never taken for drift: windows follow, counters run ahead, readings take their time", () => {
  const steps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 2 * reportLagMs }),
      growth: fc.tuple(fc.nat({ max: 50 }), fc.nat({ max: 50 })),
      live: fc.double({ min: 0, max: 1, noNaN: true }),
      stored: fc.double({ min: 0, max: 1, noNaN: true }),
      isKnown: fc.boolean(),
    }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, (given) => {
      let earlier: EarlierLook | null = null;
      const totals: { total: number; atMs: number }[] = [];
      let nowMs = 0;
      let total = 0;
      for (const { afterMs, growth, live, stored, isKnown } of given) {
        nowMs += afterMs;
        const before = total;
        const within = (share: number) => Math.round(before + growth[0] * share);
        total += growth[0];
        // A window holds what was counted a report's interval ago, or more of it.
        const frozen = totals.findLast(({ atMs }) => nowMs - atMs >= reportLagMs)?.total ?? 0;
        const sent = Math.min(total, Math.max(frozen, Math.round(total * stored)));
        const judged: Judgement = judgeLook(
          {
            ...open,
            total: { before, after: total },
            live: isKnown ? within(live) : null,
            stored: isKnown ? { quantity: within(stored), before, after: total, faults: 2 } : null,
            windows: { sent: Math.floor(sent / 2), open: sent - Math.floor(sent / 2), failed: 0 },
          },
          earlier,
          nowMs,
        );
        expect(judged).toMatchObject({ state: "agrees", differences: [] });
        earlier = { ...judged, isRepaired: false };
        totals.push({ total, atMs: nowMs });
        total += growth[1];
      }
    }),
  );
});

test("drift is never said at the first look, nor before it has lasted; one that goes away is forgotten", () => {
  const looks = fc.array(
    fc.tuple(
      fc.constantFrom<Look>(still, { ...still, live: 1 }, { ...still, invoiced: null }),
      fc.integer({ min: 0, max: driftPersistsMs }),
    ),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(looks, (given) => {
      const judged = lookAt(given);
      const kindsOf = (look: Look) => (look === still ? [] : look.live === 1 ? ["live"] : ["invoiced"]);
      const last = given.at(-1)?.[0] ?? still;
      const since = given.findLastIndex(([look]) => look !== last) + 1;
      const lastedMs = given.slice(since + 1).reduce((sum, [, afterMs]) => sum + afterMs, 0);
      expect(judged.differences.map(({ kind }) => kind)).toEqual(kindsOf(last));
      expect(judged.state).toBe(
        last === still ? "agrees" : lastedMs >= driftPersistsMs ? "drifted" : "in_flight",
      );
    }),
  );
});
