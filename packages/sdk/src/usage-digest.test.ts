import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { DriftLockError } from "./errors.ts";
import { createUsageDigest } from "./usage-digest.ts";

const of = { accountId: "acme", metric: "events" };
const events = [
  { id: "a", metric: "events" },
  { id: "b", metric: "events", quantity: 41 },
  { id: "c\u{1F600}", metric: "events", quantity: 0 },
];

/** ADR 0023, written down a second time. */
const byHand = (lines: readonly string[]): string => {
  const sum = lines.reduce(
    (before, line) => before + BigInt(`0x${createHash("sha256").update(line, "utf8").digest("hex")}`),
    0n,
  );
  return (sum % 2n ** 256n).toString(16).padStart(64, "0");
};

test("the digest is the one that the recipe makes, in any order", () => {
  const expected = byHand([
    "driftlock.usage.v1\nacme\nevents\n1\na",
    "driftlock.usage.v1\nacme\nevents\n41\nb",
    "driftlock.usage.v1\nacme\nevents\n0\nc\u{1F600}",
  ]);
  for (const order of [events, events.toReversed()]) {
    const digest = createUsageDigest(of);
    for (const event of order) expect(digest.add(event)).toBe(true);
    expect(digest.result()).toEqual({
      scheme: "driftlock.usage.v1",
      digest: expected,
      eventCount: 3,
      quantity: 42,
    });
  }
});

test("another quantity, another id or one event less is another digest", () => {
  const digestOf = (given: { id: string; metric: string; quantity?: number }[]) => {
    const digest = createUsageDigest(of);
    for (const event of given) digest.add(event);
    return digest.result().digest;
  };
  const [first, second, third] = events as [(typeof events)[0], (typeof events)[0], (typeof events)[0]];
  const others = [
    [first, second],
    [first, { ...second, quantity: 42 }, third],
    [{ ...first, id: "A" }, second, third],
    [],
  ];
  expect(new Set([digestOf(events), ...others.map(digestOf)]).size).toBe(5);
  expect(digestOf([])).toBe("0".repeat(64));
});

test("events of another metric or outside of the period are left out; without a timestamp nobody knows", () => {
  const period = { start: "2026-02-01T00:00:00Z", end: "2026-03-01T00:00:00Z" };
  const digest = createUsageDigest({ ...of, period });
  expect(digest.add({ id: "1", metric: "alerts", timestamp: period.start })).toBe(false);
  expect(digest.add({ id: "2", metric: "events", timestamp: period.start })).toBe(true);
  expect(digest.add({ id: "3", metric: "events", timestamp: "2026-02-28T23:59:59.999+00:00" })).toBe(true);
  expect(digest.add({ id: "4", metric: "events", timestamp: period.end })).toBe(false);
  expect(() => digest.add({ id: "5", metric: "events" })).toThrow(DriftLockError);
  expect(digest.result().eventCount).toBe(2);
});
