import { createTestDatabase } from "@driftlock/devkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDb, type Db, sql } from "../src/index.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Db;

beforeEach(async () => {
  database = await createTestDatabase({ isMigrated: false });
  db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 4 });
  await db.run("test", sql`create table counters (name text primary key, value bigint not null)`);
  await db.run("test", sql`insert into counters values ('a', 0), ('b', 0)`);
});

afterEach(async () => {
  await db.end();
  await database.drop();
});

test("two transactions that deadlock both happen, once each", async () => {
  const firstLocks = Promise.withResolvers<void>();
  const secondLocks = Promise.withResolvers<void>();
  const add = (
    first: string,
    second: string,
    mine: PromiseWithResolvers<void>,
    theirs: PromiseWithResolvers<void>,
  ) =>
    db.transaction(async (tx) => {
      await tx.run("test", sql`update counters set value = value + 1 where name = ${first}::text`);
      mine.resolve();
      await theirs.promise;
      await tx.run("test", sql`update counters set value = value + 1 where name = ${second}::text`);
    });
  await Promise.all([add("a", "b", firstLocks, secondLocks), add("b", "a", secondLocks, firstLocks)]);
  expect(await db.rows("test", sql`select value from counters`)).toEqual([{ value: 2 }, { value: 2 }]);
});

test("a bigint comes as a number while it is exact, and is a fault past that", async () => {
  expect(await db.row("test", sql`select ${Number.MAX_SAFE_INTEGER}::bigint as value`)).toEqual({
    value: Number.MAX_SAFE_INTEGER,
  });
  await expect(db.row("test", sql`select 9007199254740993::bigint as value`)).rejects.toThrow("past 2^53");
});

test("a connection that breaks inside of a transaction fails it as unavailable, and the next one works", async () => {
  const broken = db.transaction(async (tx) => {
    const own = await tx.row<{ pid: number }>("test", sql`select pg_backend_pid() as pid`);
    await db.run("test", sql`select pg_terminate_backend(${own?.pid}::int)`);
    await tx.run("test", sql`update counters set value = 9`);
  });
  await expect(broken).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await db.row("test", sql`select sum(value)::bigint as value from counters`)).toEqual({ value: 0 });
});

test("connections cut at any moment end no process, and each transaction happens or is unavailable", async () => {
  let committed = 0;
  const write = async () => {
    for (let round = 0; round < 60; round++) {
      await db
        .transaction((tx) => tx.run("test", sql`update counters set value = value + 1 where name = 'a'`))
        .then(
          () => void (committed += 1),
          (error: unknown) => expect(error).toMatchObject({ code: "UNAVAILABLE" }),
        );
    }
  };
  const cutter = createDb({ connectionString: database.url, applicationName: "cutter", connectionsMax: 1 });
  const writers = Promise.all([write(), write(), write()]);
  let isWriting = true;
  void writers.finally(() => (isWriting = false));
  while (isWriting) {
    await cutter.run(
      "test",
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'test' and datname = current_database() order by random() limit 1`,
    );
  }
  await writers;
  const row = await cutter.row<{ value: number }>("test", sql`select value from counters where name = 'a'`);
  await cutter.end();
  // A connection cut between the commit and its answer has committed all the same.
  expect(row?.value).toBeGreaterThanOrEqual(committed);
  expect(committed).toBeGreaterThan(0);
});
