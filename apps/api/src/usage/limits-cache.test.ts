import { resolveLimits } from "@driftlock/redis";
import { expect, test } from "vitest";
import { createLimitsCache } from "./limits-cache.ts";

const limitsOf = (accountId: string, validUntilMs = 10) =>
  resolveLimits({ accountId, version: 1, validUntilMs, segments: [] }, "epoch");

test("what was asked for lately stays, and there are never more than was said", () => {
  const cache = createLimitsCache(10);
  cache.put(limitsOf("often"));
  for (let index = 0; index < 100; index++) {
    cache.put(limitsOf(`a${index}`));
    expect(cache.find("often", 0)?.limits.accountId).toBe("often");
  }
  const kept = Array.from({ length: 100 }, (_, index) => `a${index}`).filter(
    (id) => cache.find(id, 0) !== null,
  );
  expect(kept.length).toBeLessThanOrEqual(9);
  expect(kept).toContain("a99");
});

test("past their end and once they are forgotten limits are not known", () => {
  const cache = createLimitsCache(10);
  cache.put(limitsOf("a"));
  expect(cache.find("a", 9)).not.toBeNull();
  expect(cache.find("a", 10)).toBeNull();
  cache.forget("a");
  expect(cache.find("a", 9)).toBeNull();
});
