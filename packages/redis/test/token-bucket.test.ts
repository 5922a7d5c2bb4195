import { beforeEach, expect, test } from "vitest";
import { createSharedTokenBuckets } from "../src/index.ts";
import { openRedis } from "./open-redis.ts";

const redis = await openRedis();
let waits: number[];
beforeEach(() => void (waits = []));

/** A process's buckets; nobody waits, so that all tokens are taken at about one instant. */
const open = () =>
  createSharedTokenBuckets({ redis, ratePerSecond: 2, burst: 3, wait: async (ms) => void waits.push(ms) });

/** Redis's clock goes on meanwhile: a wait is a little shorter than its place in the line. */
function expectWaits(...wanted: number[]): void {
  expect(waits).toHaveLength(wanted.length);
  for (const [at, wait] of waits.entries()) {
    expect(wait).toBeLessThanOrEqual(wanted[at]!);
    expect(wait).toBeGreaterThan(wanted[at]! - 450);
  }
}

test("two processes share a bucket: a burst, then one line for both; another key has its own", async () => {
  const [one, other] = [open(), open()];
  for (const buckets of [one, other, one, other, one, other]) await buckets.take("/v1/a");
  expectWaits(500, 1_000, 1_500);
  await one.take("/v1/b");
  expectWaits(500, 1_000, 1_500);
});

test("after a pause the line goes on without a burst, and two pauses at once are one", async () => {
  const [one, other] = [open(), open()];
  await one.pause("/v1/a", 2_000);
  await other.pause("/v1/a", 2_000);
  for (const buckets of [one, other]) await buckets.take("/v1/a");
  expectWaits(2_500, 3_000);
});
