import { expect, test } from "vitest";
import { createTokenBuckets } from "./token-bucket.ts";

test("a burst leaves at once, what follows is spaced, and each key has its own bucket", async () => {
  let nowMs = 0;
  const waits: number[] = [];
  const buckets = createTokenBuckets({
    ratePerSecond: 10,
    burst: 3,
    nowMs: () => nowMs,
    wait: async (ms) => void waits.push(ms),
  });
  for (const key of ["a", "a", "a", "a", "a", "b"]) await buckets.take(key);
  expect(waits).toEqual([100, 200]);
  nowMs = 1_000; // as full as at first, and no fuller
  for (let taken = 0; taken < 4; taken += 1) await buckets.take("a");
  expect(waits).toEqual([100, 200, 100]);
});

test("after a pause the line goes on without a burst, and two pauses at once are one", async () => {
  const waits: number[] = [];
  const buckets = createTokenBuckets({
    ratePerSecond: 10,
    burst: 3,
    nowMs: () => 0,
    wait: async (ms) => void waits.push(ms),
  });
  for (let times = 0; times < 2; times += 1) await buckets.pause("a", 1_000);
  for (const key of ["a", "a", "b"]) await buckets.take(key);
  expect(waits).toEqual([1_100, 1_200]);
});
