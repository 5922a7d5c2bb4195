import type { UsageEvent } from "@driftlock/contracts";
import { keys, trimStream } from "@driftlock/redis";
import fc from "fast-check";
import { expect, test } from "vitest";
import { applyCorrections } from "../src/flush/apply-corrections.ts";
import { dayMs, eventOf, now, openFileWorld } from "./world.ts";

const world = await openFileWorld();
const { db, redis } = world;

type Step =
  | { do: "accept"; events: { id: number; quantity: number; dayOffset: number; metric: string }[] }
  | { do: "commit" | "die-after-commit" | "correct" | "lose-counters" | "guard-forgets" };

const event = fc.record({
  id: fc.integer({ min: 0, max: 12 }),
  quantity: fc.constantFrom(1, 2, 5_000),
  dayOffset: fc.integer({ min: -9, max: 0 }),
  metric: fc.constantFrom("events", "api_requests", "storage_bytes"),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("accept" as const),
      events: fc.array(event, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("commit" as const, "die-after-commit" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("correct" as const, "lose-counters" as const, "guard-forgets" as const),
    }),
  },
);

test("whatever is repeated, lost or interrupted: records, totals and counters agree, and the limit holds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { accountId, partition } = await world.openNewAccount();
      const accepted = new Map<string, UsageEvent>();
      let wallNowMs = 0;

      const commit = async (isCut: boolean) => {
        const batch = await world.nextBatch(partition);
        if (batch.grouped.rows.length === 0) return;
        await world.commit(partition, batch);
        if (isCut) await trimStream(redis, partition, batch.to);
      };
      const run: Record<Exclude<Step["do"], "accept">, () => Promise<unknown>> = {
        commit: () => commit(true),
        "die-after-commit": () => commit(false),
        correct: () => applyCorrections({ db, redis }, partition),
        "lose-counters": () => redis.hdel(keys.marks(partition), accountId),
        "guard-forgets": async () => (wallNowMs += 60 * 60 * 1000),
      };
      for (const each of steps) {
        if (each.do !== "accept") {
          await run[each.do]();
          continue;
        }
        const events = each.events.map(({ id, dayOffset, ...rest }) =>
          eventOf(accountId, `${id}`, {
            ...rest,
            occurredAtMs: now.getTime() + dayOffset * dayMs,
          }),
        );
        for (const [index, verdict] of (await world.accept(events, wallNowMs)).entries()) {
          const given = events[index]!;
          if (verdict === "accepted" && !accepted.has(given.id)) accepted.set(given.id, given);
        }
      }
      await commit(true);
      await applyCorrections({ db, redis }, partition);

      const sums: Record<string, number> = {};
      for (const { metric, quantity } of accepted.values()) {
        const sum = sums[metric] ?? 0;
        sums[metric] = metric === "storage_bytes" ? Math.max(sum, quantity) : sum + quantity;
      }
      for (const metric of ["events", "api_requests", "storage_bytes"]) {
        const stored = await world.stored(accountId, metric);
        const wanted = sums[metric] ?? 0;
        expect(stored.total).toBe(wanted);
        if (metric !== "storage_bytes") expect([stored.sum, stored.minutes]).toEqual([wanted, wanted]);
        expect(await world.used(accountId, metric)).toBe(wanted);
        await redis.hdel(keys.marks(partition), accountId);
        expect(await world.used(accountId, metric)).toBe(wanted);
      }
      expect(sums["events"] ?? 0).toBeLessThanOrEqual(10_000);
      const [row] = await world.query<{
        count: number;
      }>`select count(*) as count from usage_records where account_id = ${accountId}`;
      expect(row?.count).toBe(accepted.size);
    }),
    { numRuns: 60 },
  );
}, 120_000);
