// A generation is written without its index for as long as its writers know what it holds: ADR 0037.
import { usageIndexes } from "@driftlock/db";
import { afterEach, beforeEach, expect, test } from "vitest";
import { accountsOf, type KnownIdsWorld, openKnownIdsWorld, rowsOf } from "./known-ids-world.ts";

let world: KnownIdsWorld;
beforeEach(async () => {
  world = await openKnownIdsWorld();
});
afterEach(() => world.close());

const [accountId, other] = accountsOf(0) as [string, string];
const batch = (from: number, count: number) =>
  rowsOf(
    Array.from({ length: count }, (_, index) => ({
      accountId: (from + index) % 2 === 0 ? accountId : other,
      id: `id-${from + index}`,
    })),
  );
const named = (name: string) => world.queries.filter((each) => each === name).length;
const made = () => named("usageIndexes.makeIndex");
const lookups = () => named("usageGenerations.listKnownIn");
const isIndexed = async (generation = 1) =>
  !(await usageIndexes.listUnindexed(world.db)).some((each) => each.generation === generation);
const refused = "usage_records_1_key";

test("whoever has written all of it goes on without an index, also in the generation after", async () => {
  const writer = world.startWriter();
  for (let round = 0; round < 5; round++) await writer.commit(0, batch(round * 100, 100));
  await world.rotate();
  await writer.commit(0, batch(500, 100));
  await writer.keepFilters();
  await world.rotate();
  await writer.commit(0, batch(600, 100));
  expect([made(), lookups()]).toEqual([0, 0]);
  expect(await world.count()).toBe(700);
});

test("a repeat has the index made, which refuses it", async () => {
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 100));
  await expect(writer.commit(0, batch(99, 2))).rejects.toThrow(refused);
  expect(await isIndexed()).toBe(true);
  await writer.commit(0, batch(100, 100));
  expect(await world.count()).toBe(200);
});

test("so has one id twice in a batch, and in the first batch of all", async () => {
  const writer = world.startWriter();
  const twice = [
    { accountId, id: "x" },
    { accountId, id: "x" },
  ];
  await expect(writer.commit(0, rowsOf(twice))).rejects.toThrow(refused);
  expect(await world.count()).toBe(0);
});

test.each([
  ["the process that died in between", (writer: Writer) => writer],
  ["another process", () => world.startWriter()],
])("what was committed and not remembered is refused: %s", async (_name, next) => {
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 50));
  await writer.commit(0, batch(50, 50), { isKilled: true });
  await expect(next(writer).commit(0, batch(70, 1))).rejects.toThrow(refused);
  expect(await world.count()).toBe(100);
});

type Writer = ReturnType<KnownIdsWorld["startWriter"]>;

test("a takeover makes the index once, and of other partitions nothing is asked", async () => {
  const first = world.startWriter();
  await first.commit(0, batch(0, 100));
  const second = world.startWriter();
  await second.commit(0, batch(100, 100));
  await second.commit(0, batch(200, 100));
  await first.commit(1, rowsOf([{ accountId: accountsOf(1)[0] ?? "", id: "id-0" }]));
  expect(made()).toBe(1);
  expect(await world.count()).toBe(301);
});

test("a partition that nothing was written of is taken over without an index", async () => {
  await world.startWriter().commit(0, batch(0, 100));
  await world.startWriter().commit(1, rowsOf([{ accountId: accountsOf(1)[0] ?? "", id: "id-0" }]));
  expect(made()).toBe(0);
});

test("events that have waited for four minutes go into no generation without an index: the guard forgets them", async () => {
  const writer = world.startWriter();
  const nowMs = Date.now();
  await writer.commit(0, batch(0, 10), { acceptedSinceMs: nowMs - 3 * 60_000 });
  expect(made()).toBe(0);
  await writer.commit(0, batch(10, 10), { acceptedSinceMs: nowMs - 5 * 60_000 });
  expect(await isIndexed()).toBe(true);
});

test("a repeat of a sealed generation without an index has it made, and is found by it", async () => {
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 100));
  await world.rotate();
  expect(await writer.commit(0, batch(90, 20))).toHaveLength(10);
  expect([await isIndexed(1), await isIndexed(2)]).toEqual([true, false]);
  expect(await world.count()).toBe(110);
});

test("another process finds the repeats of a sealed generation by its index, which it has made", async () => {
  await world.startWriter().commit(0, batch(0, 100));
  await world.rotate();
  const second = world.startWriter();
  expect(await second.find(0, batch(90, 20))).toHaveLength(10);
  expect(made()).toBe(1);
});

test("indexes that are due are made by whoever looks, all at once or one after another", async () => {
  const writers = [world.startWriter(), world.startWriter()];
  await writers[0]?.commit(0, batch(0, 100));
  await world.rotate();
  await Promise.all(writers.map(({ knownIds }) => knownIds.makeDueIndexes()));
  expect([await isIndexed(1), await isIndexed(2)]).toEqual([true, false]);
  expect(world.told.filter((message) => message === "usage-generation.indexed")).toHaveLength(1);
});

test("what a fault has stored twice is told, and the generation goes on with careful writers", async () => {
  const faults: unknown[] = [];
  world.log.error = (fields: unknown, message?: string) => void faults.push({ fields, message });
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 10));
  await world.query`insert into usage_records_1 (account_id, event_id, metric, quantity, occurred_at, received_at)
    select account_id, event_id, metric, quantity, occurred_at, received_at from usage_records_1 limit 1`;
  await world.rotate();
  await writer.knownIds.makeDueIndexes();
  expect(faults).toMatchObject([
    { message: "usage-generation.has-repeats", fields: { generation: 1, detail: expect.any(String) } },
  ]);
  expect(await writer.find(0, batch(0, 20))).toHaveLength(10);
});
