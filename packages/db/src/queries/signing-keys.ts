import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";

/** A key that reports are signed with: PEM, SPKI and encrypted PKCS #8. */
export interface SigningKeyRow {
  keyId: string;
  publicKey: string;
  privateKey: string;
  createdAt: Date;
}

export type PublicKeyRow = Omit<SigningKeyRow, "privateKey"> & { isCurrent: boolean };

/** The key that signs now; null before the first. */
export const findCurrentKey = (q: Queryable): Promise<SigningKeyRow | null> =>
  q.row(
    "signingKeys.findCurrent",
    sql`select key_id as "keyId", public_key as "publicKey", private_key as "privateKey", created_at as "createdAt"
    from signing_keys where is_current`,
  );

/** Adds a key that signs; where one does already, that one stays. */
export const insertKeyIfMissing = (q: Queryable, key: SigningKeyRow): Promise<number> =>
  q.run(
    "signingKeys.insertIfMissing",
    sql`insert into signing_keys (key_id, public_key, private_key, created_at)
    values (${key.keyId}::text, ${key.publicKey}::text, ${key.privateKey}::text, ${key.createdAt}::timestamptz)
    on conflict do nothing`,
  );

/** Lets a key sign in the place of the one that does, whose private part goes. @returns that one's id, if there is one. */
export async function replaceCurrentKey(tx: Transaction, key: SigningKeyRow): Promise<string | null> {
  // One after the other: of two that came together the later one signs.
  await tx.run("signingKeys.lock", sql`lock table signing_keys in share row exclusive mode`);
  const replaced = await tx.row<{ keyId: string }>(
    "signingKeys.retire",
    sql`update signing_keys set is_current = false, private_key = '' where is_current returning key_id as "keyId"`,
  );
  await insertKeyIfMissing(tx, key);
  return replaced?.keyId ?? null;
}

/** Every key that ever signed, without its private part, the newest first. */
export const listPublicKeys = (q: Queryable): Promise<PublicKeyRow[]> =>
  q.rows(
    "signingKeys.listPublic",
    sql`select key_id as "keyId", public_key as "publicKey", is_current as "isCurrent", created_at as "createdAt"
    from signing_keys order by created_at desc, key_id`,
  );
