import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createTestDatabase, type TestDatabase } from "@driftlock/devkit";
import { createDb, seedCatalog, sql } from "@driftlock/db";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "driftlock-commands-"));
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function withDb<T>(work: (db: ReturnType<typeof createDb>) => Promise<T>): Promise<T> {
  const db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 1 });
  try {
    return await work(db);
  } finally {
    await db.end();
  }
}
const seed = (mode: string) => withDb((db) => seedCatalog(db, { mode, usagePartitions: 4, now: new Date() }));

async function run(file: string, args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../src", file), ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { out, err, code: code as number };
}

describe("driftlock keys create", () => {
  const create = (...args: string[]) =>
    run("commands/create-key.ts", ["keys", "create", ...args], { DATABASE_URL: database.url });

  test("prints the first operator key of an installation, once", async () => {
    await seed("live");
    const { out, code } = await create("--scope", "operator", "--name", "first");
    expect(code).toBe(0);
    expect(out).toMatch(/^dlk_live_[A-Za-z0-9_-]{32}\n$/);
    const rows = await withDb((db) =>
      db.rows("test.keys", sql`select name, mode, scopes, account_id from api_keys`),
    );
    expect(rows).toEqual([{ name: "first", mode: "live", scopes: ["operator"], account_id: null }]);
    const audit = await withDb((db) => db.rows("test.audit", sql`select actor, action from audit_log`));
    expect(audit).toEqual([{ actor: "cli", action: "key.created" }]);
  });

  test("says what is wrong", async () => {
    expect(await create("--scope", "operator")).toMatchObject({
      code: 1,
      err: expect.stringContaining("not set up"),
    });
    await seed("test");
    expect(await create()).toMatchObject({ code: 64, err: expect.stringContaining("--scope") });
    expect(await create("--scope", "root")).toMatchObject({ code: 1 });
    expect(await create("--scope", "billing:read")).toMatchObject({
      code: 1,
      err: expect.stringContaining("accountId"),
    });
    expect(await create("--scope", "billing:read", "--account", "nobody")).toMatchObject({
      code: 1,
      err: expect.stringContaining('no account "nobody"'),
    });
    expect(await run("commands/create-key.ts", ["keys", "create", "--scope", "operator"], {})).toMatchObject({
      code: 78,
    });
  });
});

describe("the demo's seed", () => {
  const key = `dlk_test_${"a".repeat(48)}`;
  const demo = {
    accounts: [{ id: "acct_demo_1", name: "Demo 1", email: "demo-1@example.com" }],
    keys: [
      { key, scopes: ["usage:write", "billing:read"], accountId: "acct_demo_1" },
      { key: `${key}b`, scopes: ["operator"], accountId: null },
    ],
  };
  const seedDemo = async (mode: string, content: object = demo) => {
    const file = join(folder, "demo.json");
    await writeFile(file, JSON.stringify(content));
    return run("commands/seed-demo.ts", [], {
      DATABASE_URL: database.url,
      DRIFTLOCK_MODE: mode,
      DRIFTLOCK_DEMO_FILE: file,
    });
  };

  test("opens accounts and adds keys, and a repeat changes nothing", async () => {
    await seed("simulator");
    expect(await seedDemo("simulator")).toMatchObject({ code: 0 });
    expect(await seedDemo("simulator")).toMatchObject({ code: 0 });
    const count = await withDb((db) =>
      db.row(
        "test.count",
        sql`select (select count(*) from accounts) as accounts, (select count(*) from api_keys) as keys,
        (select count(*) from usage_periods) as periods`,
      ),
    );
    expect(count).toEqual({ accounts: 1, keys: 2, periods: 2 });
  });

  test("is refused in every other mode, whatever is claimed", async () => {
    await seed("test");
    expect(await seedDemo("test")).toMatchObject({ code: 78 });
    expect(await seedDemo("simulator")).toMatchObject({ code: 1, err: expect.stringContaining("simulator") });
    expect(await withDb((db) => db.rows("test.keys", sql`select 1 from api_keys`))).toEqual([]);
  });
});
