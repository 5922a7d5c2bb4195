import { usageGenerations } from "@driftlock/db";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rotateGenerations } from "../src/known-ids/rotate-generations.ts";
import {
  accountsOf,
  dayMs,
  keyOf,
  type KnownIdsWorld,
  openKnownIdsWorld,
  rowsOf,
  startMs,
} from "./known-ids-world.ts";

let world: KnownIdsWorld;
beforeEach(async () => {
  world = await openKnownIdsWorld();
});
afterEach(() => world.close());

const [accountId] = accountsOf(0) as [string];
const batch = (from: number, count: number, partition = 0) => {
  const accounts = accountsOf(partition);
  return rowsOf(
    Array.from({ length: count }, (_, index) => ({
      accountId: accounts[(from + index) % accounts.length] ?? "",
      id: `id-${from + index}`,
    })),
  );
};
const lookups = () => world.queries.filter((name) => name === "usageGenerations.listKnownIn").length;
const readBack = () => world.told.filter((message) => message === "usage-ids.read-back").length;

test("an id of an older generation is found by an exact look-up until there is a filter, and by it from then on", async () => {
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 500));
  await writer.commit(0, batch(500, 500));
  await world.rotate();
  expect(await writer.find(0, batch(990, 20))).toHaveLength(10);
  await writer.keepFilters();
  expect(readBack()).toBe(0);
  const before = lookups();
  expect(await writer.find(0, batch(2_000, 40))).toEqual([]);
  // One of 250 new ids is looked up in vain: of 40, none or nearly so.
  expect(lookups() - before).toBeLessThanOrEqual(1);
  expect(await writer.find(0, batch(0, 1_000))).toHaveLength(1_000);
});

test("a repeat has the same metric, quantity and properties, whatever their order; anything else is a conflict", async () => {
  const writer = world.startWriter();
  const stored = { accountId, quantity: 3, propertiesJson: '{"a":1,"b":"x"}' };
  await writer.commit(0, rowsOf(["1", "2", "3", "4"].map((id) => ({ ...stored, id }))));
  await world.rotate();
  const again = rowsOf([
    { ...stored, id: "1", propertiesJson: '{"b":"x","a":1}', receivedAtMs: startMs + dayMs },
    { ...stored, id: "2", quantity: 4 },
    { ...stored, id: "3", propertiesJson: null },
    { ...stored, id: "4", propertiesJson: '{"a":1,"b":"y"}' },
  ]);
  expect((await writer.find(0, again)).map(({ id, isSamePayload }) => [id, isSamePayload])).toEqual([
    ["1", true],
    ["2", false],
    ["3", false],
    ["4", false],
  ]);
});

test("a crash between the commit and the memory of it: the filter is made from the records", async () => {
  const first = world.startWriter();
  await first.commit(0, batch(0, 300));
  await first.commit(0, batch(300, 300), { isKilled: true });
  const second = world.startWriter();
  await second.commit(0, batch(600, 300));
  await world.rotate();
  await second.keepFilters(2);
  expect(readBack()).toBe(0);
  expect(await second.find(0, batch(0, 900))).toHaveLength(900);
  await second.keepFilters();
  expect(readBack()).toBe(1);
  expect(await second.find(0, batch(0, 900))).toHaveLength(900);
  const before = lookups();
  await second.find(0, batch(5_000, 20));
  expect(lookups() - before).toBeLessThanOrEqual(1);
});

test("an answer that was lost, by the same process: its memory is not taken for all", async () => {
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 100));
  await writer.commit(0, batch(100, 100), { isKilled: true });
  await writer.commit(0, batch(200, 100));
  await world.rotate();
  await writer.keepFilters(3);
  expect(readBack()).toBe(1);
  expect(await writer.find(0, batch(0, 300))).toHaveLength(300);
});

test("a takeover loads what its predecessor has kept, and reads nothing back", async () => {
  const first = world.startWriter();
  await first.commit(0, batch(0, 300));
  await world.rotate();
  await first.keepFilters();
  const second = world.startWriter();
  await second.keepFilters(4);
  expect(readBack()).toBe(0);
  const before = lookups();
  await second.find(0, batch(5_000, 20));
  expect(lookups() - before).toBeLessThanOrEqual(1);
  expect(await second.find(0, batch(0, 300))).toHaveLength(300);
});

test("sealed by one process while others own the partitions: each finds what it has written", async () => {
  const one = world.startWriter({ owned: [0, 1] });
  const other = world.startWriter({ owned: [2, 3] });
  const sealer = world.startWriter({ owned: [] });
  await Promise.all([0, 1].map((partition) => one.commit(partition, batch(0, 200, partition))));
  await other.commit(2, batch(0, 200, 2));
  await world.rotate();
  await sealer.keepFilters(4);
  await one.keepFilters(4);
  await other.keepFilters(4);
  expect(readBack()).toBe(0);
  for (const partition of [0, 1])
    expect(await one.find(partition, batch(0, 200, partition))).toHaveLength(200);
  expect(await other.find(2, batch(0, 200, 2))).toHaveLength(200);
  expect(await other.find(3, batch(0, 200, 3))).toEqual([]);
});

test("generations change while four partitions are written: every id is stored once and known for ever after", async () => {
  const writer = world.startWriter();
  const rounds = 12;
  const isDone = { writing: false };
  const write = async (partition: number) => {
    for (let round = 0; round < rounds; round++) {
      // Each round sends half of the round before once more.
      const rows = batch(round * 100 - (round > 0 ? 50 : 0), round > 0 ? 150 : 100, partition);
      const stored = await writer.commit(partition, rows).catch(async () => {
        // The current generation's own index has refused the repeats.
        return writer.commit(partition, batch(round * 100, 100, partition));
      });
      expect(stored.length).toBeLessThanOrEqual(50);
    }
  };
  const rotate = async () => {
    while (!isDone.writing) {
      await world.rotate();
      await writer.keepFilters();
    }
  };
  const rotating = rotate();
  await Promise.all([0, 1, 2, 3].map(write)).finally(() => {
    isDone.writing = true;
  });
  await rotating;
  await world.rotate();
  expect(await world.count()).toBe(4 * rounds * 100);
  for (const partition of [0, 1, 2, 3]) {
    const known = await writer.find(partition, batch(0, rounds * 100, partition));
    expect(new Set(known.map(keyOf)).size).toBe(rounds * 100);
  }
  const [{ generations }] = (await world.query<{ generations: number }>`
    select count(distinct generation) as generations from usage_records`) as [{ generations: number }];
  expect(generations).toBeGreaterThan(2);
});

test("a writer that is paused in its transaction keeps its generation open; one that comes later gets the next", async () => {
  const writer = world.startWriter();
  const inside = Promise.withResolvers<void>();
  const wake = Promise.withResolvers<void>();
  const paused = writer.commit(0, batch(0, 10), {
    pause: async () => {
      inside.resolve();
      await wake.promise;
    },
  });
  await inside.promise;
  const rotating = world.rotate();
  await writer.commit(1, batch(0, 10, 1));
  wake.resolve();
  await paused;
  expect(await rotating).toBe(true);
  await writer.commit(0, batch(0, 20));
  expect(
    await world.query`select generation, count(*) from usage_records where account_id = any(${accountsOf(0)}) group by 1 order by 1`,
  ).toEqual([
    { generation: 1, count: 10 },
    { generation: 2, count: 10 },
  ]);
  await writer.keepFilters(3);
  expect(await writer.find(0, batch(0, 10))).toHaveLength(10);
});

test("exactly 35 days from receipt an id is known, and a millisecond later it may count again", async () => {
  const writer = world.startWriter();
  await writer.commit(0, rowsOf([{ accountId, id: "x", quantity: 1 }]));
  world.time.nowMs += 36 * dayMs;
  await world.rotate();
  await usageGenerations.updateNewestReceived(world.db, 1);
  const again = (atMs: number) => rowsOf([{ accountId, id: "x", quantity: 2, receivedAtMs: startMs + atMs }]);
  const fresh = world.startWriter();
  expect(await fresh.find(0, again(35 * dayMs))).toHaveLength(1);
  expect(await fresh.find(0, again(35 * dayMs + 1))).toEqual([]);
  // It counts again; of the two generations that hold it the newer one says what a repeat is.
  await fresh.commit(0, again(36 * dayMs));
  await world.rotate();
  expect(await fresh.find(0, again(36 * dayMs))).toEqual([{ accountId, id: "x", isSamePayload: true }]);
  expect(await fresh.find(0, again(20 * dayMs))).toEqual([{ accountId, id: "x", isSamePayload: true }]);
});

test("what does not fit into memory is looked up: the newest generations stay", async () => {
  const writer = world.startWriter({ filterBytesMax: 2_000 });
  for (let generation = 0; generation < 3; generation++) {
    await writer.commit(0, batch(generation * 1_000, 1_000));
    await world.rotate();
  }
  await writer.keepFilters(4);
  expect(readBack()).toBe(0);
  expect(await writer.find(0, batch(0, 3_000))).toHaveLength(3_000);
  const none = world.startWriter({ filterBytesMax: 0 });
  await none.keepFilters(4);
  expect(await none.find(0, batch(0, 3_000))).toHaveLength(3_000);
});

test("ids of any Unicode are the same ids in a filter that was read back", async () => {
  const ids = [
    "é",
    "e\u0301",
    "日本",
    "😀",
    "'\"\\,{}",
    "a\u00a0b",
    "\u{10ffff}",
    "x".repeat(128),
    "\ud7ff",
    " ",
  ];
  const rows = () => rowsOf(ids.map((id) => ({ accountId, id })));
  const writer = world.startWriter();
  await writer.commit(0, rows(), { isKilled: true });
  await world.rotate();
  const fresh = world.startWriter();
  await fresh.keepFilters(3);
  expect(readBack()).toBe(1);
  expect((await fresh.find(0, rows())).map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(await fresh.find(0, rowsOf([{ accountId, id: "É" }]))).toEqual([]);
});

test("a generation is sealed when it is old and holds something, or when it is large", async () => {
  const { db, clock, log, time } = world;
  const rotate = (tableBytesMax = 2 ** 30) =>
    rotateGenerations({ db, clock, log, tableBytesMax, ageMsMax: 7 * dayMs });
  const current = async () => (await usageGenerations.findCurrent(db)).generation;
  await rotate();
  time.nowMs += 8 * dayMs;
  await rotate();
  expect(await current()).toBe(1);
  const writer = world.startWriter();
  await writer.commit(0, batch(0, 10));
  await Promise.all([rotate(), rotate()]);
  expect(await current()).toBe(2);
  await writer.commit(0, batch(10, 10));
  await rotate();
  expect(await current()).toBe(2);
  await rotate(8_192);
  expect(await current()).toBe(3);
});
