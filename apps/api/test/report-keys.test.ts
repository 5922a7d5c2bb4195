import { generateKeyPairSync, verify, sign } from "node:crypto";
import { createDb, migrate, signingKeys, sql } from "@driftlock/db";
import { copyMigrations, createTestDatabase } from "@driftlock/devkit";
import { Lifecycle } from "@driftlock/runtime";
import { expect, onTestFinished, test } from "vitest";
import { createReportKeys } from "../src/use-cases/report-keys.ts";

const own = Buffer.from("a report of before");
const madeAt = new Date("2026-02-01T12:00:00Z");

/** A database as it was before keys were encrypted, and a connection to it. */
async function openOldDatabase() {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const { url } = life.own("database", await createTestDatabase({ isMigrated: false }), ({ drop }) => drop());
  const { folder } = life.own("migrations", await copyMigrations({ before: "0023" }), ({ remove }) =>
    remove(),
  );
  await migrate(url, folder);
  const db = life.own(
    "pool",
    createDb({ connectionString: url, applicationName: "test", connectionsMax: 2 }),
    (pool) => pool.end(),
  );
  return { url, db };
}

test("a key that lay in the clear is gone with the migration; the next report makes an encrypted one", async () => {
  const { url, db } = await openOldDatabase();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const signedBefore = sign(null, own, privateKey);
  await signingKeys.insertKeyIfMissing(db, { keyId: "rk_plain", publicKey, privateKey, createdAt: madeAt });
  expect(await signingKeys.findCurrentKey(db)).toMatchObject({ keyId: "rk_plain", privateKey });

  expect(await migrate(url)).toContain("0023_report_keys_encrypted.sql");
  const rows = () =>
    db.rows<{ keyId: string; text: string; isCurrent: boolean }>(
      "test",
      sql`select key_id as "keyId", private_key as text, is_current as "isCurrent" from signing_keys order by created_at`,
    );
  expect(await rows()).toEqual([{ keyId: "rk_plain", text: "", isCurrent: false }]);

  const reportKeys = createReportKeys({ db, wallNow: () => new Date(), reportKeySecret: "of this gateway" });
  const signature = await reportKeys.signText("a report of after");
  expect(signature.keyId).not.toBe("rk_plain");
  expect(await rows()).toEqual([
    { keyId: "rk_plain", text: "", isCurrent: false },
    {
      keyId: signature.keyId,
      text: expect.stringMatching(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/),
      isCurrent: true,
    },
  ]);
  // The one that was made is the one that signs from then on, and both are there to check with.
  expect((await reportKeys.signText("another")).keyId).toBe(signature.keyId);
  const [now, before] = (await reportKeys.listReportKeys()).keys;
  expect([now, before]).toMatchObject([
    { id: signature.keyId, isCurrent: true },
    { id: "rk_plain", isCurrent: false },
  ]);
  const after = Buffer.from("a report of after");
  expect(verify(null, after, now?.publicKey ?? "", Buffer.from(signature.value, "base64"))).toBe(true);
  expect(verify(null, own, before?.publicKey ?? "", signedBefore)).toBe(true);
});
