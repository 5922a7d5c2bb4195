import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

const advisoryLockKey = 4_000_420_001;
const defaultFolder = join(import.meta.dirname, "../migrations");

/**
 * Brings the schema up to date: plain SQL files in the order of their names, each in its own transaction under one
 * advisory lock, forward only. Throws when an applied file was changed since, or is newer than this code knows.
 * @returns the names of the files that were applied now.
 */
export async function migrate(connectionString: string, folder: string = defaultFolder): Promise<string[]> {
  const client = new pg.Client({ connectionString, application_name: "driftlock-migrate" });
  await client.connect();
  try {
    // Waiting for another migrator is right; waiting behind a long query with a lock queue in tow is not.
    await client.query("select pg_advisory_lock($1)", [advisoryLockKey]);
    await client.query("set lock_timeout = '5s'");
    await client.query(`create table if not exists schema_migrations (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    return await applyPending(client, folder);
  } finally {
    await client.end();
  }
}

async function applyPending(client: pg.Client, folder: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migrations",
  );
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  for (const name of applied.keys()) {
    if (!names.includes(name))
      throw new Error(`the database has migration ${name}, which this version does not know`);
  }
  const done: string[] = [];
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8");
    const checksum = createHash("sha256").update(text).digest("hex");
    const before = applied.get(name);
    if (before !== undefined && before !== checksum)
      throw new Error(`migration ${name} was changed after it was applied`);
    if (before !== undefined) continue;
    await client.query("begin");
    await client.query(text);
    await client.query("insert into schema_migrations (name, checksum) values ($1, $2)", [name, checksum]);
    await client.query("commit");
    done.push(name);
  }
  return done;
}
