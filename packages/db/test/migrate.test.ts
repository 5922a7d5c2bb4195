import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  copyMigrations,
  createTestDatabase,
  type MigrationsCopy,
  shippedMigrations as shipped,
} from "@driftlock/devkit";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { createDb, type Db, migrate, sql } from "../src/index.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let copy: MigrationsCopy;
let folder: string;
let db: Db;

beforeEach(async () => {
  database = await createTestDatabase({ isMigrated: false });
  copy = await copyMigrations();
  folder = copy.folder;
  db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 2 });
});

afterEach(async () => {
  await db.end();
  await database.drop();
  await copy.remove();
});

const applied = async () =>
  (await db.rows<{ name: string }>("test", sql`select name from schema_migrations order by name`)).map(
    ({ name }) => name,
  );

test("an empty database gets every migration once, also when two migrate at the same time", async () => {
  const names = (await readdir(shipped)).sort();
  const [one, two] = await Promise.all([migrate(database.url, folder), migrate(database.url, folder)]);
  expect([...one, ...two].sort()).toEqual(names);
  expect(await applied()).toEqual(names);
  expect(await migrate(database.url, folder)).toEqual([]);
});

test("a migration that fails leaves nothing of itself, and those before it stay", async () => {
  await writeFile(join(folder, "9000_breaks.sql"), "create table half_done (id int); select 1 / 0;");
  await expect(migrate(database.url, folder)).rejects.toThrow("division by zero");
  expect(await db.row("test", sql`select to_regclass('half_done') as name`)).toEqual({ name: null });
  expect(await applied()).toEqual((await readdir(shipped)).sort());
});

test("an applied file that was changed is refused", async () => {
  await migrate(database.url, folder);
  await writeFile(join(folder, "0001_catalog_accounts_keys.sql"), "select 1;");
  await expect(migrate(database.url, folder)).rejects.toThrow("was changed after it was applied");
});

test("a database that is ahead of this version is refused", async () => {
  await writeFile(join(folder, "9000_newer.sql"), "create table newer (id int);");
  await migrate(database.url, folder);
  await expect(migrate(database.url, shipped)).rejects.toThrow(
    "9000_newer.sql, which this version does not know",
  );
});

test("usage that was stored before generations becomes the first one, and another can follow", async () => {
  const old = await copyMigrations({ before: "0006" });
  onTestFinished(old.remove);
  await migrate(database.url, old.folder);
  await db.run(
    "test",
    sql`insert into usage_records
    values ('a', 'é', 'events', 3, '2026-03-01', '2026-03-02', 7, '{"k":1}')`,
  );
  await migrate(database.url, shipped);
  await db.run(
    "test",
    sql`insert into usage_records_1 (account_id, event_id, metric, quantity, occurred_at, received_at)
    values ('a', 'e', 'events', 4, '2026-03-03', '2026-03-03')`,
  );
  await expect(
    db.run(
      "test",
      sql`insert into usage_records_1 (account_id, event_id, metric, quantity, occurred_at, received_at)
      values ('a', 'é', 'events', 4, '2026-03-03', '2026-03-03')`,
    ),
  ).rejects.toThrow("usage_records_1_pkey");
  await db.row("test", sql`select rotate_usage_generation(1, '2026-03-04')`);
  expect(
    await db.rows(
      "test",
      sql`select event_id as id, quantity, generation, properties from usage_records order by 1`,
    ),
  ).toEqual([
    { id: "e", quantity: 4, generation: 1, properties: null },
    { id: "é", quantity: 3, generation: 1, properties: { k: 1 } },
  ]);
  expect(await db.rows("test", sql`select table_name as name from lock_usage_generation(0)`)).toEqual([
    { name: "usage_records_2" },
  ]);
});
