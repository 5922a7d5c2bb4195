import fc from "fast-check";
import { expect, test } from "vitest";
import {
  commitHeld,
  endHold,
  holdQuantities,
  keys,
  listOverdueHolds,
  putLimits,
  type ReservationOutcome,
} from "../src/index.ts";
import { openRedis } from "./open-redis.ts";
import {
  accept,
  dayMs,
  eventOf,
  limitOf,
  limitsOf,
  nowMs,
  readEntries,
  seed,
  startMs,
} from "./usage-fixtures.ts";

const redis = await openRedis();

const capped = { ...limitOf(100, "bill"), hardLimit: 107 };
const limits = limitsOf("a", { events: limitOf(10), alerts: limitOf(5), billed: capped });
const expiresAtMs = nowMs + 60_000;
type Items = Record<string, number>;

const ref = (reservationNo: number) => ({ partition: 0, accountId: "a", reservationNo, nowMs });
const listed = (items: Items) => Object.entries(items).map(([metric, quantity]) => ({ metric, quantity }));
const hold = (no: number, items: Items) =>
  holdQuantities(redis, ref(no), { items: listed(items), expiresAtMs });
const commit = (no: number, items: Items, occurredAtMs = nowMs) =>
  commitHeld(redis, ref(no), {
    events: listed(items).map((item) => eventOf("a", `${no}:${item.metric}`, { ...item, occurredAtMs })),
    occurredAtMs,
    wallNowMs: 0,
  });
const end = (no: number) => endHold(redis, ref(no));
const send = async (id: string, metric: string, quantity: number) => {
  const outcome = await accept(redis, [eventOf("a", id, { metric, quantity })]);
  return outcome.outcome === "decided" ? outcome.decisions[0]?.verdict : "load";
};
const snapshotOf = (no: number, items: Items, isDecided = true) => ({
  reservationNo: no,
  isDecided,
  expiresAtMs,
  items: listed(items),
});
const held = () => redis.hgetall(keys.held(0));
const verdicts = (outcome: ReservationOutcome) =>
  outcome.outcome === "refused" ? outcome.items.map(({ verdict }) => verdict) : outcome.outcome;

test("what is held is refused to everybody else, until it is committed or given back", async () => {
  await seed(redis, { limits });
  expect(await hold(1, { events: 6, alerts: 5 })).toMatchObject({
    outcome: "done",
    entry: null,
    segmentEndMs: startMs + 30 * dayMs,
  });
  expect(await send("x", "events", 5)).toBe("quota-exceeded");
  expect(await send("y", "events", 4)).toBe("accepted");
  expect(await send("z", "events", 1)).toBe("quota-exceeded");
  expect(verdicts(await hold(2, { alerts: 1 }))).toEqual(["quota-exceeded"]);
  expect(await commit(1, { events: 2 })).toMatchObject({ outcome: "done", entry: { streamId: /-/ } });
  expect(await held()).toEqual({});
  expect(await send("z", "events", 4)).toBe("accepted");
  expect(await send("z2", "events", 1)).toBe("quota-exceeded");
  const stored = (await readEntries(redis)).flatMap(({ events }) => events);
  expect(stored.map(({ id, quantity }) => [id, quantity])).toEqual([
    ["y", 4],
    ["1:events", 2],
    ["z", 4],
  ]);
});

test("several metrics are one decision, and a refusal leaves nothing behind", async () => {
  await seed(redis, { limits });
  const before = await redis.hgetall(keys.holds(0));
  const outcome = await hold(1, { events: 10, alerts: 6, nothing: 1 });
  expect(outcome).toMatchObject({
    outcome: "refused",
    items: [
      { verdict: "accepted", counter: { used: 0, held: 0, limit: 10 } },
      { verdict: "quota-exceeded", counter: { limit: 5, resetsAtMs: startMs + 30 * dayMs } },
      { verdict: "not-in-plan", counter: { limit: 0 } },
    ],
  });
  expect(await redis.hgetall(keys.holds(0))).toEqual(before);
  expect(await held()).toEqual({});
  expect(await send("x", "events", 10)).toBe("accepted");
});

test("every step may be repeated", async () => {
  await seed(redis, { limits });
  for (let times = 0; times < 3; times++) expect((await hold(1, { events: 7 })).outcome).toBe("done");
  expect(Object.values(await held())).toEqual(["7"]);
  expect(await commit(1, { events: 7 })).toMatchObject({ entry: { streamId: /-/ } });
  for (let times = 0; times < 3; times++)
    expect(await commit(1, { events: 7 })).toMatchObject({ outcome: "done", entry: null });
  for (let times = 0; times < 2; times++) expect((await end(1)).outcome).toBe("done");
  expect(await held()).toEqual({});
  expect(await readEntries(redis)).toHaveLength(1);
  expect(await send("x", "events", 3)).toBe("accepted");
});

test("where counters, limits or holds are missing, nothing is done and they are to be loaded", async () => {
  expect((await hold(1, { events: 1 })).outcome).toBe("load");
  await seed(redis, { limits });
  for (const key of [keys.holds(0), keys.live(0), keys.marks(0), keys.limits(0), keys.meta(0)]) {
    await redis.del(key);
    for (const step of [() => hold(1, { events: 1 }), () => commit(1, { events: 1 }), () => end(1)])
      expect((await step()).outcome).toBe("load");
    await redis.flushdb();
    await seed(redis, { limits });
  }
  const ended = { ...ref(1), nowMs: limits.validUntilMs };
  expect((await endHold(redis, ended)).outcome).toBe("load");
});

test("after the loss of Redis the holds are back before the next decision; of one not decided, until it is", async () => {
  await seed(redis, { limits });
  await hold(1, { events: 6 });
  await redis.flushdb();
  expect(await send("x", "events", 1)).toBe("load");
  await seed(redis, { limits, holds: [snapshotOf(1, { events: 6 }), snapshotOf(2, { alerts: 4 }, false)] });
  expect(await send("x", "events", 5)).toBe("quota-exceeded");
  expect(await send("y", "alerts", 2)).toBe("quota-exceeded");
  expect((await commit(1, { events: 6 })).outcome).toBe("done");
  expect(await send("z", "events", 4)).toBe("accepted");
  expect((await hold(2, { alerts: 4 })).outcome).toBe("done");
  // One that does not fit after all holds nothing any more.
  await redis.flushdb();
  const full = [{ segmentStartMs: startMs, metric: "alerts", quantity: 3, lastOccurredAtMs: nowMs }];
  await seed(redis, { limits, totals: full, holds: [snapshotOf(2, { alerts: 4 }, false)] });
  expect(verdicts(await hold(2, { alerts: 4 }))).toEqual(["quota-exceeded"]);
  expect(await held()).toEqual({});
});

test("an older snapshot brings no hold again that has ended, and takes none away", async () => {
  await seed(redis, { limits });
  await hold(1, { events: 3 });
  await hold(2, { events: 4 });
  await end(1);
  await redis.del(keys.marks(0));
  await seed(redis, { limits, holds: [snapshotOf(1, { events: 3 })] });
  expect(Object.values(await held())).toEqual(["4"]);
});

test("another epoch begins without the holds of the one before", async () => {
  await seed(redis, { limits });
  await hold(1, { events: 3 });
  await redis.hset(keys.meta(0), "epoch", "another");
  await seed(redis, { limits, holds: [snapshotOf(2, { events: 4 })] });
  expect(Object.values(await held())).toEqual(["4"]);
});

test("a change of plan takes what is held to the segment of the present", async () => {
  await seed(redis, { limits });
  await hold(1, { events: 6 });
  const [present, next] = limits.segments;
  const cutAt = nowMs - 1;
  const cut = {
    ...limits,
    version: 2,
    segments: [{ ...present!, endMs: cutAt }, { ...present!, startMs: cutAt }, next!],
  };
  await putLimits(redis, { partitions: 1, limits: cut });
  expect((await hold(2, { events: 1 })).outcome).toBe("load");
  await seed(redis, { limits: cut, holds: [snapshotOf(1, { events: 6 })] });
  expect(await send("x", "events", 5)).toBe("quota-exceeded");
  expect((await commit(1, { events: 6 })).outcome).toBe("done");
  expect(await held()).toEqual({});
  expect(await send("y", "events", 4)).toBe("accepted");
});

test("a limit that sinks below what is held is not passed by a commit; the spend cap is such a limit", async () => {
  await seed(redis, { limits });
  expect(verdicts(await hold(1, { billed: 108 }))).toEqual(["quota-exceeded"]);
  expect((await hold(1, { billed: 107 })).outcome).toBe("done");
  const lower = limitsOf("a", { billed: { ...capped, hardLimit: 103 } }, 2);
  await putLimits(redis, { partitions: 1, limits: lower });
  expect(verdicts(await commit(1, { billed: 104 }))).toEqual(["quota-exceeded"]);
  expect((await commit(1, { billed: 103 })).outcome).toBe("done");
  expect(await send("x", "billed", 1)).toBe("quota-exceeded");
});

test("a commit whose hold is gone is decided like any event, and an id that was used otherwise is a conflict", async () => {
  await seed(redis, { limits });
  await hold(2, { events: 5 });
  expect(verdicts(await commit(1, { events: 6 }))).toEqual(["quota-exceeded"]);
  expect((await commit(1, { events: 5 })).outcome).toBe("done");
  await send("3:events", "alerts", 1);
  await hold(3, { alerts: 1 });
  expect(verdicts(await commit(3, { events: 1 }))).toEqual(["conflict"]);
});

test("overdue reservations are listed, without markers and without those that have time", async () => {
  await seed(redis, { limits });
  await hold(1, { events: 1 });
  const at = (beforeMs: number) => listOverdueHolds(redis, { partition: 0, cursor: "0", beforeMs });
  expect(await at(expiresAtMs)).toEqual({ cursor: "0", holds: [] });
  expect((await at(expiresAtMs + 1)).holds).toEqual([{ accountId: "a", reservationNo: 1 }]);
});

test("whatever is done in whatever order: used and held never pass the limit, and held is what is open", async () => {
  const quantity = fc.integer({ min: 0, max: 6 });
  const no = fc.integer({ min: 1, max: 5 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), quantity }),
    fc.record({ kind: fc.constant("hold" as const), no, quantity }),
    fc.record({ kind: fc.constant("commit" as const), no, quantity }),
    fc.record({ kind: fc.constant("end" as const), no }),
    fc.record({ kind: fc.constant("rebuild" as const), isLost: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await redis.flushdb();
      await seed(redis, { limits });
      const open = new Map<number, number>();
      let used = 0;
      // What Postgres has of it; the rest lies in the stream.
      let stored = 0;
      let numbers = 0;
      const sum = () => [...open.values()].reduce((total, each) => total + each, 0);
      for (const [index, each] of steps.entries()) {
        const room = 10 - used - sum();
        if (each.kind === "send") {
          const fits = each.quantity <= room;
          expect(await send(`s${index}`, "events", each.quantity)).toBe(fits ? "accepted" : "quota-exceeded");
          if (fits) used += each.quantity;
        } else if (each.kind === "hold") {
          const key = 10 * each.no + numbers;
          const fits = open.has(key) || each.quantity <= room;
          expect((await hold(key, { events: each.quantity })).outcome).toBe(fits ? "done" : "refused");
          if (fits && !open.has(key)) open.set(key, each.quantity);
        } else if (each.kind === "commit") {
          const key = 10 * each.no + numbers;
          if (!open.has(key)) continue;
          const quantityUsed = Math.min(each.quantity, open.get(key)!);
          expect((await commit(key, { events: quantityUsed })).outcome).toBe("done");
          used += quantityUsed;
          open.delete(key);
          numbers += 100;
        } else if (each.kind === "end") {
          await end(10 * each.no + numbers);
          open.delete(10 * each.no + numbers);
        } else {
          if (each.isLost) {
            await redis.flushdb();
            stored = used;
          } else await redis.del(keys.marks(0));
          const totals = [
            { segmentStartMs: startMs, metric: "events", quantity: stored, lastOccurredAtMs: nowMs },
          ];
          const holds = [...open].map(([key, amount]) => snapshotOf(key, { events: amount }));
          await seed(redis, { limits, totals, holds });
        }
        const total = Object.values(await held()).reduce((all, value) => all + Number(value), 0);
        expect(total).toBe(sum());
        expect(used + total).toBeLessThanOrEqual(10);
      }
    }),
    { numRuns: 60 },
  );
});
