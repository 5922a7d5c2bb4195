import type { KeyScope } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface ApiKeyRow {
  keyId: string;
  displayPrefix: string;
  name: string;
  mode: "test" | "live";
  scopes: KeyScope[];
  accountId: string | null;
  createdAt: Date;
  revokedAt: Date | null;
}

const columns = `key_id as "keyId", display_prefix as "displayPrefix", name, mode, scopes, account_id as "accountId",
  created_at as "createdAt", revoked_at as "revokedAt"`;

/** A key by the SHA-256 of its full text; revoked keys too, so that the caller can say so. */
export const findApiKeyByHash = (q: Queryable, keyHash: Buffer): Promise<ApiKeyRow | null> =>
  q.row("apiKeys.findByHash", {
    text: `select ${columns} from api_keys where key_hash = $1::bytea`,
    values: [keyHash],
  });

/** A key by its id, locked until the transaction ends. */
export const findApiKeyForUpdate = (q: Queryable, keyId: string): Promise<ApiKeyRow | null> =>
  q.row("apiKeys.findForUpdate", {
    text: `select ${columns} from api_keys where key_id = $1::text for update`,
    values: [keyId],
  });

/** All keys, the newest first, those that come after `after`; revoked ones too. */
export const listApiKeys = (
  q: Queryable,
  page: { limit: number; after: { at: Date; id: string } | null },
): Promise<ApiKeyRow[]> =>
  q.rows("apiKeys.list", {
    text: `select ${columns} from api_keys
      where $1::timestamptz is null or (created_at, key_id) < ($1::timestamptz, $2::text)
      order by created_at desc, key_id desc limit $3::int`,
    values: [page.after?.at ?? null, page.after?.id ?? null, page.limit],
  });

/** Adds a key. A key whose hash is known is left as it is, so that seeding twice changes nothing. */
export const insertApiKey = (
  q: Queryable,
  key: {
    keyId: string;
    keyHash: Buffer;
    displayPrefix: string;
    name: string;
    mode: string;
    scopes: readonly string[];
    accountId: string | null;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "apiKeys.insert",
    sql`insert into api_keys (key_id, key_hash, display_prefix, name, mode, scopes, account_id, created_at)
    values (${key.keyId}::text, ${key.keyHash}::bytea, ${key.displayPrefix}::text, ${key.name}::text, ${key.mode}::text,
      ${key.scopes}::text[], ${key.accountId}::text, ${key.now}::timestamptz)
    on conflict (key_hash) do nothing`,
  );

/** Revokes a key for good. @returns 0 when it was revoked before. */
export const updateApiKeyRevoked = (q: Queryable, keyId: string, now: Date): Promise<number> =>
  q.run(
    "apiKeys.updateRevoked",
    sql`update api_keys set revoked_at = ${now}::timestamptz where key_id = ${keyId}::text and revoked_at is null`,
  );
