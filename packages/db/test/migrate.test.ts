import { copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase } from "@driftlock/devkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDb, type Db, migrate, sql } from "../src/index.ts";

const shipped = join(import.meta.dirname, "../migrations");

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let db: Db;

beforeEach(async () => {
  database = await createTestDatabase({ isMigrated: false });
  folder = await mkdtemp(join(tmpdir(), "driftlock-migrations-"));
  for (const name of await readdir(shipped)) await copyFile(join(shipped, name), join(folder, name));
  db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 2 });
});

afterEach(async () => {
  await db.end();
  await database.drop();
  await rm(folder, { recursive: true });
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
