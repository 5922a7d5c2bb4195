import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDb, seedCatalog } from "@driftlock/db";
import { createTestDatabase } from "@driftlock/devkit";
import { Lifecycle, readEnv } from "@driftlock/runtime";
import { expect, onTestFinished, test } from "vitest";
import { runCatalog } from "../src/commands/run-catalog.ts";
import { SetupEnv } from "../src/env.ts";
import { openSimulator } from "./open-simulator.ts";

/** An installation that was never set up at Stripe, and its command line. */
async function openShell() {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const simulator = await openSimulator(life);
  const database = life.own("database", await createTestDatabase(), (each) => each.drop());
  const db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 1 });
  await seedCatalog(db, { mode: "simulator", usagePartitions: 2, now: new Date() });
  await db.end();
  return async (args: string, over: Record<string, string> = {}) => {
    const { env, faults } = readEnv(SetupEnv, {
      DRIFTLOCK_MODE: "simulator",
      DATABASE_URL: database.url,
      STRIPE_SECRET_KEY: "sk_test_shell",
      STRIPE_API_URL: simulator.url,
      ...over,
    });
    if (env === undefined) throw new Error(JSON.stringify(faults));
    const said = { out: "", err: "" };
    const code = await runCatalog(args.split(" "), {
      stdout: { write: (text) => (said.out += text) },
      stderr: { write: (text) => (said.err += text) },
      setup: env,
    });
    return { code, ...said };
  };
}

test("catalog push: plan, check, do, and what is in the way", async () => {
  const shell = await openShell();
  const planned = await shell("catalog push");
  expect(planned).toMatchObject({ code: 0, err: "nothing was changed; --yes does it\n" });
  expect(planned.out).toMatch(/^Stripe account acct_\w+, simulator\n\+ meter {4}driftlock_events/);
  expect(planned.out).toMatch(/^\+ price {4}driftlock_pro_v1 +Pro, version 1$/m);
  expect(planned.out).toMatch(/\n8 to create, 0 to change, 0 to archive, 0 unchanged\n$/);
  expect((await shell("catalog push --check")).code).toBe(2);
  expect((await shell("catalog push --yes")).err).toBe("done\n");
  const checked = await shell("catalog push --check --json");
  expect(checked.code).toBe(0);
  expect(JSON.parse(checked.out)).toMatchObject({
    isApplied: false,
    mode: "simulator",
    steps: expect.anything(),
  });

  const file = join(await mkdtemp(join(tmpdir(), "driftlock-catalog-")), "catalog.json");
  await writeFile(file, (await shell("catalog show")).out);
  expect((await shell(`catalog push --check --file ${file}`)).code).toBe(0);
  await writeFile(file, '{ "plans": [{ "planId": "pro", "version": 0 }] }');
  expect(await shell(`catalog push --file ${file}`)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/plans\.0\.version: .*plans\.0\.name: .*nothing was changed\n$/s),
  });
  expect(await shell("catalog push --file none.json")).toMatchObject({
    code: 1,
    err: expect.stringContaining("none.json"),
  });

  const live = { STRIPE_SECRET_KEY: "sk_live_shell" };
  expect((await shell("catalog push", live)).err).toMatch(/live key: pass --live/);
  expect((await shell("catalog push --live", live)).err).toMatch(
    /is a live key, but DRIFTLOCK_MODE is "simulator"/,
  );
  expect((await shell("catalog push", { DRIFTLOCK_MODE: "test" })).err).toMatch(
    /belongs to mode "simulator"/,
  );
  for (const wrong of ["catalog pull", "catalog push --yes --check", "catalog push it"])
    expect((await shell(wrong)).code).toBe(64);
});
