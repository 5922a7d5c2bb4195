import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface ApiKeyRow {
  keyId: string;
  displayPrefix: string;
  name: string;
  mode: "test" | "live";
  scopes: string[];
  accountId: string | null;
  createdAt: Date;
  revokedAt: Date | null;
}

/** A key by the SHA-256 of its full text; revoked keys too, so that the caller can say so. */
export const findApiKeyByHash = (q: Queryable, keyHash: Buffer): Promise<ApiKeyRow | null> =>
  q.row(
    "apiKeys.findByHash",
    sql`select key_id as "keyId", display_prefix as "displayPrefix", name, mode, scopes, account_id as "accountId",
      created_at as "createdAt", revoked_at as "revokedAt" from api_keys where key_hash = ${keyHash}::bytea`,
  );

/** Adds a key. A key whose hash is known is left as it is, so that seeding twice changes nothing. */
export const insertApiKey = (
  q: Queryable,
  key: { keyId: string; keyHash: Buffer; displayPrefix: string; name: string; mode: string; scopes: readonly string[]; accountId: string | null; now: Date },
): Promise<number> =>
  q.run(
    "apiKeys.insert",
    sql`insert into api_keys (key_id, key_hash, display_prefix, name, mode, scopes, account_id, created_at)
    values (${key.keyId}::text, ${key.keyHash}::bytea, ${key.displayPrefix}::text, ${key.name}::text, ${key.mode}::text,
      ${key.scopes}::text[], ${key.accountId}::text, ${key.now}::timestamptz)
    on conflict (key_hash) do nothing`,
  );
