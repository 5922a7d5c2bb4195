import type { AccountLimits, Aggregation, LimitSegment, MetricLimit } from "@driftlock/contracts";
import { quantityMax } from "@driftlock/contracts";
import { type Counted, countedNothing, decideQuota, refusedPast } from "@driftlock/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { counterField, keys, readCounters, resolveLimits, findCounter } from "../src/index.ts";
import { openRedis } from "./open-redis.ts";
import { accept, eventOf, seed } from "./usage-fixtures.ts";

const redis = await openRedis();

const firstMs = 1_800_000_000_000;
const quantity = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: quantityMax - 20, max: quantityMax }) },
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2 });
const metricLimit: fc.Arbitrary<MetricLimit> = fc
  .record({
    bound: fc.oneof(
      fc.record({ limit: quantity, policy: fc.constantFrom("refuse" as const, "bill" as const) }),
      fc.constant({ limit: null, policy: "unlimited" as const }),
    ),
    aggregation: fc.constantFrom<Aggregation>("sum", "count", "max", "last", "unique"),
    hardLimit: maybe(quantity),
    isClosed: fc.boolean(),
  })
  .map(({ bound, aggregation, hardLimit, isClosed }) => ({
    ...bound,
    isClosed,
    aggregation,
    hardLimit,
    uniqueProperty: aggregation === "unique" ? "who" : null,
  }));
const metrics = fc.dictionary(fc.constantFrom("m", "n"), metricLimit);
const segments = fc
  .array(fc.record({ lengthMs: fc.integer({ min: 1, max: 5 }), isClosed: fc.boolean(), metrics }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => {
    let endMs = firstMs;
    return parts.map(
      ({ lengthMs, ...part }): LimitSegment => ({
        ...part,
        planId: "free",
        startMs: endMs,
        endMs: (endMs += lengthMs),
      }),
    );
  });
const event = fc.record({
  id: fc.integer({ min: 0, max: 30 }),
  metric: fc.constantFrom("m", "n"),
  quantity,
  occurredAtMs: fc.integer({ min: firstMs - 2, max: firstMs + 12 }),
  who: fc.integer({ min: 0, max: 5 }),
});
/** Several calls, one after the other, so that whole calls fit and others do not. */
const calls = fc.array(fc.array(event, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 });
const held = fc.dictionary(fc.constantFrom("m", "n"), fc.integer({ min: 0, max: 10 }));

test("the script decides as the rule does, and counts the same", async () => {
  await fc.assert(
    fc.asyncProperty(segments, calls, held, async (tiles, wanted, reserved) => {
      await redis.flushdb();
      const limits: AccountLimits = {
        accountId: "a",
        version: 1,
        validUntilMs: Number.MAX_SAFE_INTEGER,
        segments: tiles,
      };
      await seed(redis, { limits });
      for (const [metric, quantityHeld] of Object.entries(reserved)) {
        await redis.hset(keys.held(0), counterField("a", firstMs, metric), quantityHeld);
      }
      const rule = createRule(limits, reserved);
      for (const call of wanted) {
        const events = call.map(({ id, who, ...rest }) =>
          eventOf("a", `${id}`, { ...rest, propertiesJson: JSON.stringify({ who }) }),
        );
        const outcome = await accept(redis, events, { now: firstMs });
        expect(outcome.outcome === "decided" && outcome.decisions.map(({ verdict }) => verdict)).toEqual(
          call.map(rule.decide),
        );
      }
      // Live, and built anew from the stream alone.
      await rule.expectCounted();
      await redis.hdel(keys.marks(0), "a");
      await seed(redis, { limits });
      await rule.expectCounted();
    }),
    { numRuns: 300 },
  );
});

/** The domain's rule with what the guard remembers and what `unique` has seen. */
function createRule(limits: AccountLimits, reserved: Record<string, number>) {
  const counted = new Map<string, Counted>();
  const payloads = new Map<number, string>();
  const values = new Set<string>();
  const keyOf = (startMs: number | undefined, metric: string) => `${startMs}:${metric}`;
  return {
    decide({ id, who, ...wanted }: { id: number; who: number } & Parameters<typeof decideQuota>[1]): string {
      const payload = JSON.stringify([wanted.metric, wanted.quantity, who]);
      const earlier = payloads.get(id);
      if (earlier !== undefined) return earlier === payload ? "duplicate" : "conflict";
      const segment = limits.segments.find(
        ({ startMs, endMs }) => startMs <= wanted.occurredAtMs && wanted.occurredAtMs < endMs,
      );
      const key = keyOf(segment?.startMs, wanted.metric);
      const value = `${key}:${who}`;
      const decision = decideQuota(
        limits,
        { ...wanted, isNewValue: !values.has(value) },
        (startMs, metric) => ({
          ...(counted.get(keyOf(startMs, metric)) ?? countedNothing),
          held: startMs === firstMs ? (reserved[metric] ?? 0) : 0,
        }),
      );
      if (decision.outcome !== "accepted") return decision.outcome;
      counted.set(key, decision.counted);
      values.add(value);
      payloads.set(id, payload);
      return "accepted";
    },
    async expectCounted(): Promise<void> {
      const live = await readCounters(redis, { partition: 0, accountId: "a", nowMs: firstMs });
      for (const { startMs } of limits.segments) {
        for (const metric of ["m", "n"]) {
          expect(live?.used(startMs, metric)).toBe(counted.get(keyOf(startMs, metric))?.quantity ?? 0);
        }
      }
    },
  };
}

test("what a counter stops at is what the rule refuses past", () => {
  fc.assert(
    fc.property(metricLimit, (limit) => {
      const segment = {
        startMs: 0,
        endMs: 1,
        isClosed: false,
        planId: "free" as const,
        metrics: { m: limit },
      };
      const limits = { accountId: "a", version: 1, validUntilMs: 1, segments: [segment] };
      expect(findCounter(resolveLimits(limits, "e"), "m", 0)).toMatchObject({
        stop: refusedPast(limit) ?? -1,
      });
    }),
  );
});
