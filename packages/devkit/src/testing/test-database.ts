import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { inject } from "vitest";
import { withDatabase } from "../infra/postgres.ts";
import { checkoutRoot } from "../infra/run-as.ts";
import type { TestInfra } from "./global-setup.ts";

export interface TestDatabase {
  url: string;
  /** Drops it; open sessions are ended. */
  drop(): Promise<void>;
}

/**
 * A database of one's own: a clone of the migrated template (made once a run), or empty for tests of the migrations
 * themselves. `infra` outside of vitest; within it, what the project's global setup has booted.
 */
export async function createTestDatabase({
  isMigrated = true,
  infra = inject("driftlock"),
}: {
  isMigrated?: boolean;
  infra?: TestInfra | undefined;
} = {}): Promise<TestDatabase> {
  const name = `driftlock_test_${infra.runId}_${randomBytes(5).toString("hex")}`;
  await withAdmin(infra, async (admin) => {
    const template = isMigrated ? await ensureTemplate(admin, infra) : "template0";
    await admin.query(`create database ${name} template ${template}`);
  });
  return {
    url: withDatabase(infra.postgresUrl, name),
    drop: () =>
      withAdmin(
        infra,
        async (admin) => void (await admin.query(`drop database if exists ${name} with (force)`)),
      ),
  };
}

const templateName = ({ runId }: TestInfra) => `driftlock_test_${runId}_template`;

async function withAdmin<T>(infra: TestInfra, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: infra.postgresUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** Makes the template under a lock, since test files ask for it at once; renamed last, so that it is there whole or not. */
async function ensureTemplate(admin: pg.Client, infra: TestInfra): Promise<string> {
  const name = templateName(infra);
  await admin.query("select pg_advisory_lock(hashtext($1))", [name]);
  try {
    const found = await admin.query("select 1 from pg_database where datname = $1", [name]);
    if (found.rowCount !== 0) return name;
    const staging = `${name}_new`;
    await admin.query(`drop database if exists ${staging} with (force)`);
    await admin.query(`create database ${staging} template template0`);
    await migrate(withDatabase(infra.postgresUrl, staging));
    await admin.query(`alter database ${staging} rename to ${name}`);
    return name;
  } finally {
    await admin.query("select pg_advisory_unlock(hashtext($1))", [name]);
  }
}

async function migrate(url: string): Promise<void> {
  const child = spawn(process.execPath, [join(checkoutRoot, "packages/db/src/migrate-main.ts")], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`the migrations failed (exit ${code})\n${stdout}${stderr}`);
}

/** Drops whatever this run has left on the server; for the global teardown. */
export async function dropTestDatabases(infra: TestInfra): Promise<void> {
  await withAdmin(infra, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [`driftlock_test_${infra.runId}_`],
    );
    for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
  });
}
