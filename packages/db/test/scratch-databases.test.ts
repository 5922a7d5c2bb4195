import { createTestDatabase } from "@driftlock/devkit";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openScratchDatabases } from "../src/index.ts";

async function openOwn() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  onTestFinished(() => admin.end());
  const list = async (url: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>("select account_id as name from accounts");
    await client.end();
    return rows.map(({ name }) => name);
  };
  return { url: database.url, admin, list };
}

test("a copy has what the template has, of two at once the second is refused, and at the end nothing is left", async () => {
  const { url, admin, list } = await openOwn();
  const scratch = await openScratchDatabases(url, "trial");
  const template = new pg.Client({ connectionString: scratch.templateUrl });
  await template.connect();
  await template.query(
    "insert into accounts (account_id, free_anchor_at, created_at) values ('a', now(), now())",
  );
  await template.end();
  const [first, second] = [await scratch.copy(), await scratch.copy()];
  expect([await list(first.url), await list(second.url), await list(url)]).toEqual([["a"], ["a"], []]);
  await expect(openScratchDatabases(url, "trial")).rejects.toThrow("another trial is under way");
  await first.drop();
  await scratch.close();
  const left = await admin.query(
    `select 1 from pg_database where starts_with(datname, 'driftlock_trial_' ||
      (select oid from pg_database where datname = current_database()) || '_')`,
  );
  expect(left.rowCount).toBe(0);
});

test("a role that may make no databases is told what it needs", async () => {
  const { url, admin } = await openOwn();
  const role = `driftlock_trial_${process.pid}`;
  await admin.query(`create role ${role} login password 'none'`);
  onTestFinished(async () => void (await admin.query(`drop role ${role}`)));
  const as = new URL(url);
  as.username = role;
  as.password = "none";
  await expect(openScratchDatabases(as.href, "trial")).rejects.toThrow(/alter role … createdb$/);
});
