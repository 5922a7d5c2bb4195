import { createHash, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import {
  AppError,
  type ReconciliationReportDto,
  type ReconciliationReportQuery,
  type ReportKeysDto,
  reconciliationReportScheme,
} from "@driftlock/contracts";
import { type Db, installation, reconciliations, signingKeys } from "@driftlock/db";
import { z } from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { readKeyCursor, toKeyCursor } from "../key-cursor.ts";
import { toReconciliationDto } from "./operator-reconciliation.ts";

const PageKey = z.tuple([z.number().int(), z.number().int()]);

/** The figures of a time, signed by the installation, for whoever wants to check them without asking us again. */
export function createReconciliationReport({ db, wallNow }: { db: Db; wallNow: () => Date }) {
  /**
   * The comparisons of all periods that ended in `[from, to)`, a page at a time; each page is signed, and says which part
   * of the whole it is. @throws INVALID for an empty range or a cursor that is none.
   */
  const getReconciliationReport = async (
    query: ReconciliationReportQuery,
  ): Promise<ReconciliationReportDto> => {
    const [from, until] = [new Date(query.from), new Date(query.to)];
    if (from >= until) throw new AppError("INVALID", "to: must be later than from");
    const key = readKeyCursor(query.cursor, PageKey);
    const bound = await installation.findInstallation(db);
    const rows = await reconciliations.listEnded(db, {
      from,
      until,
      accountId: query.accountId ?? null,
      after: key && { periodEnd: new Date(key[0]), id: key[1] },
      limit: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    const hasMore = rows.length > query.limit && last !== undefined;
    const payload: ReconciliationReportDto["payload"] = {
      scheme: reconciliationReportScheme,
      installation: { mode: bound?.mode ?? "", stripeAccountId: bound?.stripeAccountId ?? null },
      from: from.toISOString(),
      to: until.toISOString(),
      accountId: query.accountId ?? null,
      madeAt: wallNow().toISOString(),
      cursor: query.cursor ?? null,
      nextCursor: hasMore ? toKeyCursor([last.periodEnd.getTime(), last.id]) : null,
      rows: shown.map(toReconciliationDto),
    };
    return { payload, signature: await signPayload(canonicalJson(payload)) };
  };

  async function signPayload(text: string): Promise<ReconciliationReportDto["signature"]> {
    const { keyId, privateKey } = await currentKey();
    const value = sign(null, Buffer.from(text, "utf8"), createPrivateKey(privateKey)).toString("base64");
    return { algorithm: "Ed25519", keyId, value };
  }

  /** Made when it is first needed; of two processes that make one, one key stays. */
  async function currentKey(): Promise<signingKeys.SigningKeyRow> {
    const found = await signingKeys.findCurrentKey(db);
    if (found !== null) return found;
    const pair = generateKeyPairSync("ed25519", {
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const keyId = `rk_${createHash("sha256").update(pair.publicKey).digest("hex").slice(0, 16)}`;
    await signingKeys.insertKeyIfMissing(db, { keyId, ...pair, createdAt: wallNow() });
    const kept = await signingKeys.findCurrentKey(db);
    if (kept === null) throw new AppError("INTERNAL", "No report key is current.");
    return kept;
  }

  /** All keys that ever signed, so that old reports can be checked too. */
  const listReportKeys = async (): Promise<ReportKeysDto> => {
    const keys = await signingKeys.listPublicKeys(db);
    return {
      keys: keys.map(({ keyId, publicKey, isCurrent, createdAt }) => ({
        id: keyId,
        algorithm: "Ed25519",
        publicKey,
        isCurrent,
        createdAt: createdAt.toISOString(),
      })),
    };
  };

  return { getReconciliationReport, listReportKeys };
}
