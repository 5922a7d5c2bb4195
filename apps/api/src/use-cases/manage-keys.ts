import {
  AppError,
  type CreatedKeyDto,
  type CreateKeyBody,
  type KeyDto,
  type Page,
  type PageQuery,
} from "@driftlock/contracts";
import { accounts, apiKeys, auditLog, type Db, type Transaction } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { displayPrefixOf, hashKey, type KeyMode, makeKey, makeKeyId } from "../auth/api-key.ts";
import { noSuchAccount } from "../auth/credential.ts";
import { readCursor, toPage } from "../cursor.ts";

type KeyRow = NonNullable<Awaited<ReturnType<typeof apiKeys.findApiKeyForUpdate>>>;

interface Deps {
  db: Db;
  clock: Clock;
  keyMode: KeyMode;
  /** Told after a key was revoked, so that this process forgets it at once. */
  onRevoked: () => void;
}

/** What operators do with keys; each step leaves a row in the audit log, in its own transaction. */
export function createManageKeys({ db, clock, keyMode, onRevoked }: Deps) {
  /** Adds a key and tells it, this once. @throws INVALID, ACCOUNT_NOT_FOUND. */
  const createKey = (actor: string, body: CreateKeyBody): Promise<CreatedKeyDto> => {
    assertKeyShape(body);
    return db.transaction(async (tx) => {
      const { accountId = null } = body;
      if (accountId !== null && (await accounts.findAccount(tx, accountId)) === null)
        throw noSuchAccount(accountId);
      const created = await insertKey(tx, { name: body.name, scopes: body.scopes, accountId });
      await audit(tx, {
        actor,
        action: "key.created",
        target: created.id,
        detail: { scopes: body.scopes, accountId },
      });
      return created;
    });
  };

  const listKeys = async ({ limit, cursor }: PageQuery): Promise<Page<KeyDto>> => {
    const rows = await apiKeys.listApiKeys(db, { limit: limit + 1, after: readCursor(cursor) });
    return toPage(rows, limit, { position: (row) => ({ at: row.createdAt, id: row.keyId }), item: toKeyDto });
  };

  /** A new key like the old one, which is revoked at once. @throws NOT_FOUND, for a revoked one too. */
  const rollKey = async (actor: string, keyId: string): Promise<CreatedKeyDto> => {
    const created = await db.transaction(async (tx) => {
      const old = await findLive(tx, keyId);
      const next = await insertKey(tx, old);
      await apiKeys.updateApiKeyRevoked(tx, keyId, clock.now());
      await audit(tx, { actor, action: "key.rolled", target: keyId, detail: { newKeyId: next.id } });
      return next;
    });
    onRevoked();
    return created;
  };

  /** Revokes a key for good; a repeat changes nothing. @throws NOT_FOUND. */
  const revokeKey = async (actor: string, keyId: string): Promise<KeyDto> => {
    const revoked = await db.transaction(async (tx) => {
      const row = await apiKeys.findApiKeyForUpdate(tx, keyId);
      if (row === null) throw noSuchKey(keyId);
      if (row.revokedAt !== null) return row;
      const revokedAt = clock.now();
      await apiKeys.updateApiKeyRevoked(tx, keyId, revokedAt);
      await audit(tx, { actor, action: "key.revoked", target: keyId, detail: {} });
      return { ...row, revokedAt };
    });
    onRevoked();
    return toKeyDto(revoked);
  };

  async function insertKey(
    tx: Transaction,
    like: Pick<KeyRow, "name" | "scopes" | "accountId">,
  ): Promise<CreatedKeyDto> {
    const key = makeKey(keyMode);
    const row = {
      keyId: makeKeyId(),
      displayPrefix: displayPrefixOf(key),
      name: like.name,
      mode: keyMode,
      scopes: [...new Set(like.scopes)],
      accountId: like.accountId,
    };
    const now = clock.now();
    await apiKeys.insertApiKey(tx, { ...row, keyHash: hashKey(key), now });
    return { ...toKeyDto({ ...row, createdAt: now, revokedAt: null }), key };
  }

  const audit = (tx: Transaction, entry: Omit<Parameters<typeof auditLog.insertAuditEntry>[1], "now">) =>
    auditLog.insertAuditEntry(tx, { ...entry, now: clock.now() });

  return { createKey, listKeys, rollKey, revokeKey };
}

async function findLive(tx: Transaction, keyId: string): Promise<KeyRow> {
  const row = await apiKeys.findApiKeyForUpdate(tx, keyId);
  if (row === null || row.revokedAt !== null) throw noSuchKey(keyId);
  return row;
}

const noSuchKey = (keyId: string): AppError =>
  new AppError("NOT_FOUND", `There is no key "${keyId}" in use.`);

/** A key of an account names it; a key that acts for all, or for the operator, names none. @throws INVALID. */
function assertKeyShape({ scopes, accountId }: Pick<CreateKeyBody, "scopes" | "accountId">): void {
  const isOfNoAccount = scopes.includes("service") || scopes.includes("operator");
  if (isOfNoAccount === (accountId === undefined)) return;
  const message = isOfNoAccount
    ? "a key of scope service or operator belongs to no account: leave accountId out"
    : "a key with these scopes belongs to an account: give its accountId";
  throw new AppError("INVALID", `accountId: ${message}`, {
    extensions: { errors: [{ path: "body.accountId", message }] },
  });
}

const toKeyDto = (row: KeyRow): KeyDto => ({
  id: row.keyId,
  name: row.name,
  displayPrefix: row.displayPrefix,
  mode: row.mode,
  scopes: row.scopes,
  accountId: row.accountId,
  createdAt: row.createdAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
});
