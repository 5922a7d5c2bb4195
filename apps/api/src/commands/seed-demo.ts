import { readFile } from "node:fs/promises";
import { AccountId, KeyScope } from "@driftlock/contracts";
import { apiKeys, createDb, installation, type Db } from "@driftlock/db";
import { type Clock, systemClock } from "@driftlock/runtime";
import { z } from "zod";
import { displayPrefixOf, hashKey, keyModeOf, makeKeyId } from "../auth/api-key.ts";
import { readSeedDemoEnv } from "../env.ts";
import { insertFreeAccount } from "../use-cases/open-account.ts";

const DemoFile = z.object({
  accounts: z.array(z.object({ id: AccountId, name: z.string(), email: z.string() })),
  keys: z.array(
    z.object({
      key: z.string().refine((key) => keyModeOf(key) === "test", "is no test key"),
      scopes: z.array(KeyScope),
      accountId: AccountId.nullable(),
    }),
  ),
});

/** Opens the demo's accounts on Free and adds its keys, in one transaction; what is there already is left as it is. */
async function seedDemo(db: Db, demo: z.infer<typeof DemoFile>, clock: Clock): Promise<void> {
  const bound = await installation.findInstallation(db);
  if (bound?.mode !== "simulator")
    throw new Error("demo keys are for a database of the simulator's mode only");
  await db.transaction(async (tx) => {
    const now = clock.now();
    for (const { id, name, email } of demo.accounts)
      await insertFreeAccount(tx, { accountId: id, name, email }, now);
    for (const { key, scopes, accountId } of demo.keys) {
      await apiKeys.insertApiKey(tx, {
        keyId: makeKeyId(),
        keyHash: hashKey(key),
        displayPrefix: displayPrefixOf(key),
        name: "demo",
        mode: "test",
        scopes,
        accountId,
        now,
      });
    }
  });
}

const env = readSeedDemoEnv();
const demo = DemoFile.parse(JSON.parse(await readFile(env.DRIFTLOCK_DEMO_FILE, "utf8")));
const db = createDb({
  connectionString: env.DATABASE_URL,
  applicationName: "driftlock-seed-demo",
  connectionsMax: 1,
});
try {
  await seedDemo(db, demo, systemClock());
  process.stdout.write(`${demo.accounts.length} demo accounts and ${demo.keys.length} keys are in place\n`);
} finally {
  await db.end();
}
