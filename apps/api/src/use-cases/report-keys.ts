import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { AppError, type ReportKeyDto, type ReportKeysDto } from "@driftlock/contracts";
import { auditLog, type Db, signingKeys } from "@driftlock/db";

interface Deps {
  db: Db;
  wallNow: () => Date;
  /** What the private part is encrypted with; null where none is set. */
  reportKeySecret: string | null;
}

/** The keys that sign reconciliation reports: one that signs now, and those that did before (ADR 0033). */
export function createReportKeys({ db, wallNow, reportKeySecret }: Deps) {
  /**
   * Signs the UTF-8 bytes of a text with the present key, which is made when it is first needed; of two processes that make
   * one, one key stays. @throws REPORT_KEY_LOCKED without the secret, or with another than the key was made with.
   */
  async function signText(text: string): Promise<{ algorithm: "Ed25519"; keyId: string; value: string }> {
    const { keyId, privateKey } = (await signingKeys.findCurrentKey(db)) ?? (await makeFirstKey());
    const value = sign(null, Buffer.from(text, "utf8"), unlock(privateKey)).toString("base64");
    return { algorithm: "Ed25519", keyId, value };
  }

  async function makeFirstKey(): Promise<signingKeys.SigningKeyRow> {
    await signingKeys.insertKeyIfMissing(db, makeKey());
    const kept = await signingKeys.findCurrentKey(db);
    if (kept === null) throw new AppError("INTERNAL", "No report key is current.");
    return kept;
  }

  /** PKCS #8, encrypted as the standard has it (PBES2), so that any tool opens it that is told the secret. */
  function makeKey(): signingKeys.SigningKeyRow {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: {
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: requireSecret(),
      },
    });
    const keyId = `rk_${createHash("sha256").update(publicKey).digest("hex").slice(0, 16)}`;
    return { keyId, publicKey, privateKey, createdAt: wallNow() };
  }

  function requireSecret(): string {
    if (reportKeySecret === null)
      throw new AppError("REPORT_KEY_LOCKED", "REPORT_KEY_SECRET is not set at the gateway.");
    return reportKeySecret;
  }

  function unlock(privateKey: string): KeyObject {
    const passphrase = requireSecret();
    try {
      return createPrivateKey({ key: privateKey, passphrase });
    } catch (cause) {
      const detail =
        "The key was made with another REPORT_KEY_SECRET: set that one, or let a new key sign from now on.";
      throw new AppError("REPORT_KEY_LOCKED", detail, { cause });
    }
  }

  /**
   * Makes a new key sign from now on. The one before it signs nothing any more, its private part is removed, and its public
   * part stays for what it signed. @throws REPORT_KEY_LOCKED without the secret.
   */
  const rotateReportKey = async (actor: string): Promise<ReportKeyDto> => {
    const key = makeKey();
    await db.transaction(async (tx) => {
      const replaced = await signingKeys.replaceCurrentKey(tx, key);
      await auditLog.insertAuditEntry(tx, {
        actor,
        action: "report-key.rotated",
        target: key.keyId,
        detail: { replaced },
        now: wallNow(),
      });
    });
    return toKeyDto({ ...key, isCurrent: true });
  };

  /** All keys that ever signed, so that old reports can be checked too. */
  const listReportKeys = async (): Promise<ReportKeysDto> => ({
    keys: (await signingKeys.listPublicKeys(db)).map(toKeyDto),
  });

  return { signText, rotateReportKey, listReportKeys };
}

const toKeyDto = ({ keyId, publicKey, isCurrent, createdAt }: signingKeys.PublicKeyRow): ReportKeyDto => ({
  id: keyId,
  algorithm: "Ed25519",
  publicKey,
  isCurrent,
  createdAt: createdAt.toISOString(),
});
