import { createTestDatabase } from "@driftlock/devkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createDb,
  type Db,
  sql,
  type Transaction,
  usageGenerations,
  usageIndexes,
  usageRecords,
} from "../src/index.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Db;
beforeEach(async () => {
  database = await createTestDatabase();
  db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 4 });
});
afterEach(async () => {
  await db.end();
  await database.drop();
});

const insert = (generation: number, id: string, quantity = 1) =>
  db.run(
    "test",
    sql`insert into usage_records (generation, account_id, event_id, metric, quantity, occurred_at, received_at)
    values (${generation}::int, 'a', ${id}::text, 'events', ${quantity}::int, '2026-03-01', '2026-03-01')`,
  );
const rotate = (generation: number) =>
  db.transaction((tx) => usageGenerations.rotate(tx, generation, new Date()));
const current = () => db.transaction((tx) => usageGenerations.lockCurrent(tx, 0));
const indexesOf = (generation: number) =>
  db.rows<{ definition: string }>(
    "test",
    sql`select indexdef as definition from pg_indexes where tablename = ${`usage_records_${generation}`}::text`,
  );

test("a new generation has no index; it is made once, whoever wants it, and refuses repeats from then on", async () => {
  expect(await current()).toMatchObject({ generation: 1, isIndexed: false, hasRepeats: false });
  await insert(1, "x");
  const made = await Promise.all([1, 2, 3].map(() => usageIndexes.makeIndex(db, 1)));
  expect(made.filter((each) => each !== null)).toEqual([{ made: "made", detail: null }]);
  expect((await indexesOf(1)).map(({ definition }) => definition)).toEqual([
    expect.stringContaining("CREATE UNIQUE INDEX"),
  ]);
  expect(await current()).toMatchObject({ isIndexed: true, openings: [] });
  await expect(insert(1, "x")).rejects.toThrow("usage_records_1_key");
});

test("a writer of a version before this one finds an index, or makes it before it writes", async () => {
  await insert(1, "x");
  await db.transaction(async (tx) => {
    expect(await tx.row("test", sql`select table_name as name from lock_usage_generation()`)).toEqual({
      name: "usage_records_1",
    });
    await tx.run(
      "test",
      sql`insert into usage_records_1 (account_id, event_id, metric, quantity, occurred_at, received_at)
      values ('a', 'y', 'events', 1, '2026-03-01', '2026-03-01')`,
    );
  });
  expect(await current()).toMatchObject({ isIndexed: true });
  await expect(insert(1, "y")).rejects.toThrow("usage_records_1_key");
});

test("repeats that a fault has left take the uniqueness and not the index, and are told", async () => {
  for (const id of ["x", "y", "y"]) await insert(1, id);
  expect(await usageIndexes.makeIndex(db, 1)).toEqual({
    made: "repeats",
    detail: expect.stringContaining("(a, y)"),
  });
  expect(await indexesOf(1)).toHaveLength(1);
  expect(await current()).toMatchObject({ isIndexed: true, hasRepeats: true });
});

test("an index is due when its generation is sealed, asked for, or old", async () => {
  const due = async (ageMs = 3_600_000) =>
    (await usageIndexes.listDueIndexes(db, ageMs)).map(({ generation }) => generation);
  expect(await due()).toEqual([]);
  expect(await due(0)).toEqual([1]);
  await rotate(1);
  expect(await due()).toEqual([1]);
  await usageIndexes.askForIndexes(db);
  expect(await due()).toEqual([1, 2]);
  await usageIndexes.makeIndex(db, 1);
  await rotate(2);
  expect(await due()).toEqual([2]);
});

test("writers are told where their partition stood at the opening of every generation since the oldest without index", async () => {
  const move = (epoch: string, streamId: string) =>
    db.run(
      "test",
      sql`insert into usage_stream_positions (partition_no, epoch, last_stream_id) values (0, ${epoch}::text, ${streamId}::text)
      on conflict (partition_no) do update set epoch = excluded.epoch, last_stream_id = excluded.last_stream_id`,
    );
  await move("e", "5-0");
  await rotate(1);
  await move("f", "1-0");
  await rotate(2);
  await usageIndexes.makeIndex(db, 2);
  expect((await current()).openings).toEqual([
    { generation: 1, isIndexed: false, epoch: "", streamId: "0-0" },
    { generation: 2, isIndexed: true, epoch: "e", streamId: "5-0" },
    { generation: 3, isIndexed: false, epoch: "f", streamId: "1-0" },
  ]);
  const unindexed = await usageIndexes.listUnindexed(db);
  expect(unindexed.map(({ generation, epochs }) => [generation, epochs])).toEqual([
    [1, {}],
    [3, { 0: "f" }],
  ]);
  await usageIndexes.makeIndex(db, 1);
  expect((await current()).openings.map(({ generation }) => generation)).toEqual([3]);
});

test("the index of a sealed generation is made while the next is written, and rotation goes on", async () => {
  await insert(1, "x");
  await rotate(1);
  const inside = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const making = db.transaction(async (tx: Transaction) => {
    await usageIndexes.makeIndex(tx, 1);
    inside.resolve();
    await goOn.promise;
  });
  await inside.promise;
  await insert(2, "y");
  expect(await rotate(2)).toBe(true);
  expect(await current()).toMatchObject({ generation: 3 });
  goOn.resolve();
  await making;
});

test("known events are found with and without an index; of two generations the newer one decides", async () => {
  const event = (id: string, quantity: number) => ({
    ...{ accountId: "a", id, metric: "events", quantity },
    propertiesJson: null,
  });
  await insert(1, "x", 1);
  await insert(1, "old", 1);
  await rotate(1);
  await insert(2, "x", 2);
  await insert(2, "new", 2);
  const wanted = [event("x", 2), event("old", 1), event("new", 9), event("none", 1)];
  const expected = [
    { accountId: "a", id: "new", isSamePayload: false },
    { accountId: "a", id: "old", isSamePayload: true },
    { accountId: "a", id: "x", isSamePayload: true },
  ];
  const known = async (unindexed?: number[]) =>
    (await usageRecords.listKnownEvents(db, wanted, unindexed)).sort((one, other) =>
      one.id < other.id ? -1 : 1,
    );
  expect(await known()).toEqual(expected);
  await usageIndexes.makeIndex(db, 1);
  expect(await known()).toEqual(expected);
  expect((await known([])).map(({ id, isSamePayload }) => [id, isSamePayload])).toEqual([
    ["old", true],
    ["x", false],
  ]);
  await usageIndexes.makeIndex(db, 2);
  expect(await known()).toEqual(expected);
});
