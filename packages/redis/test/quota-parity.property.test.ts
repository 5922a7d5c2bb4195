import type { AccountLimits, LimitSegment, LiveAggregation, MetricLimit } from "@driftlock/contracts";
import { quantityMax } from "@driftlock/contracts";
import { createTestRedis } from "@driftlock/devkit";
import { type Counted, countedNothing, decideQuota } from "@driftlock/domain";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { acceptUsage, createRedis, readCounters, seedCounters } from "../src/index.ts";
import { eventOf } from "./usage-fixtures.ts";

const server = await createTestRedis();
const redis = createRedis({
  url: server.url,
  connectionName: "test",
  purpose: "requests",
  onConnectionError: () => {},
});
afterAll(async () => {
  redis.disconnect();
  await server.drop();
});

const quantity = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: quantityMax - 20, max: quantityMax }),
);
const aggregation = fc.constantFrom<LiveAggregation>("sum", "count", "max", "last");
const metricLimit: fc.Arbitrary<MetricLimit> = fc.oneof(
  fc.record({ limit: quantity, policy: fc.constantFrom("refuse" as const, "bill" as const), aggregation }),
  fc.record({ limit: fc.constant(null), policy: fc.constant("unlimited" as const), aggregation }),
);
const metrics = fc.dictionary(fc.constantFrom("m", "n"), metricLimit);
const segments = fc
  .array(fc.record({ lengthMs: fc.integer({ min: 1, max: 5 }), isClosed: fc.boolean(), metrics }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => {
    let endMs = 1_800_000_000_000;
    return parts.map(
      ({ lengthMs, ...part }): LimitSegment => ({
        ...part,
        planId: "free",
        startMs: endMs,
        endMs: (endMs += lengthMs),
      }),
    );
  });
const events = fc.array(
  fc.record({
    metric: fc.constantFrom("m", "n"),
    quantity,
    occurredAtMs: fc.integer({ min: 1_800_000_000_000 - 2, max: 1_800_000_000_000 + 12 }),
  }),
  { minLength: 1, maxLength: 12 },
);

test("the script decides as the rule does, and counts the same", async () => {
  await fc.assert(
    fc.asyncProperty(segments, events, async (tiles, wanted) => {
      await redis.flushdb();
      const limits: AccountLimits = {
        accountId: "a",
        version: 1,
        validUntilMs: Number.MAX_SAFE_INTEGER,
        segments: tiles,
      };
      await seedCounters(redis, 0, { limits, totals: [], position: { epoch: "", streamId: "0-0" } });
      const outcome = await acceptUsage(redis, {
        partition: 0,
        mode: "each",
        events: wanted.map((event, index) => eventOf("a", `${index}`, event)),
        nowMs: 1_800_000_000_000,
        wallNowMs: 0,
      });
      const counted = new Map<string, Counted>();
      const expected = wanted.map((event) => {
        const segment = tiles.find(
          ({ startMs, endMs }) => startMs <= event.occurredAtMs && event.occurredAtMs < endMs,
        );
        const key = `${segment?.startMs}:${event.metric}`;
        const decision = decideQuota(limits, event, () => counted.get(key) ?? countedNothing);
        if (decision.outcome === "accepted") counted.set(key, decision.counted);
        return decision.outcome;
      });
      expect(outcome.outcome === "decided" && outcome.decisions.map(({ verdict }) => verdict)).toEqual(
        expected,
      );
      const live = await readCounters(redis, { partition: 0, accountId: "a", nowMs: 1_800_000_000_000 });
      for (const { startMs } of tiles) {
        for (const metric of ["m", "n"]) {
          expect(live?.used(startMs, metric)).toBe(counted.get(`${startMs}:${metric}`)?.quantity ?? 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});
