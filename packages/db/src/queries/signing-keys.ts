import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A key that reports are signed with: PEM, SPKI and PKCS #8. */
export interface SigningKeyRow {
  keyId: string;
  publicKey: string;
  privateKey: string;
  createdAt: Date;
}

/** The key that signs now; null before the first. */
export const findCurrentKey = (q: Queryable): Promise<SigningKeyRow | null> =>
  q.row(
    "signingKeys.findCurrent",
    sql`select key_id as "keyId", public_key as "publicKey", private_key as "privateKey", created_at as "createdAt"
    from signing_keys where is_current`,
  );

/** Adds the first key; where another process was faster, its key stays. */
export const insertKeyIfMissing = (q: Queryable, key: SigningKeyRow): Promise<number> =>
  q.run(
    "signingKeys.insertIfMissing",
    sql`insert into signing_keys (key_id, public_key, private_key, created_at)
    values (${key.keyId}::text, ${key.publicKey}::text, ${key.privateKey}::text, ${key.createdAt}::timestamptz)
    on conflict do nothing`,
  );

/** Every key that ever signed, without its private part, the newest first. */
export const listPublicKeys = (
  q: Queryable,
): Promise<(Omit<SigningKeyRow, "privateKey"> & { isCurrent: boolean })[]> =>
  q.rows(
    "signingKeys.listPublic",
    sql`select key_id as "keyId", public_key as "publicKey", is_current as "isCurrent", created_at as "createdAt"
    from signing_keys order by created_at desc, key_id`,
  );
