import { AppError } from "@driftlock/contracts";
import { apiKeys, type Queryable } from "@driftlock/db";
import { hashKey, keyModeOf } from "./api-key.ts";
import { type Credential, effectiveScopes } from "./credential.ts";
import { createExpiringCache } from "./expiring-cache.ts";

/** So long may a key that was revoked elsewhere still work here. */
const cacheTtlMs = 3_000;
const cacheEntriesMax = 10_000;

export interface KeyAuthenticator {
  /** The credential of a key's text; at once where it is known. @throws UNAUTHENTICATED, KEY_REVOKED, UNAVAILABLE. */
  authenticate(text: string): Credential | Promise<Credential>;
  /** Forgets what it knows, after a key was revoked here. */
  forget(): void;
}

type Found = { credential: Credential; isRevoked: boolean } | null;

/**
 * Looks keys up by their hash, and remembers them, and that there is none, for a few seconds: by their text, since a hash
 * for each request would cost more than all else that is done to know it.
 */
export function createKeyAuthenticator(deps: {
  db: Queryable;
  mode: "simulator" | "test" | "live";
  wallNow: () => number;
}): KeyAuthenticator {
  const cache = createExpiringCache<Found>({
    entriesMax: cacheEntriesMax,
    ttlMs: cacheTtlMs,
    wallNow: deps.wallNow,
  });

  async function find(text: string): Promise<Found> {
    const row = await apiKeys.findApiKeyByHash(deps.db, hashKey(text));
    const found = row && {
      isRevoked: row.revokedAt !== null,
      credential: {
        kind: "key" as const,
        id: row.keyId,
        scopes: effectiveScopes(row.scopes),
        accountId: row.accountId,
      },
    };
    cache.set(text, found);
    return found;
  }

  return {
    authenticate: (text) => {
      const mode = keyModeOf(text);
      if (mode === null) throw new AppError("UNAUTHENTICATED", "This is neither a key of ours nor a token.");
      if (mode === "test" && deps.mode === "live") {
        throw new AppError("UNAUTHENTICATED", "This is a test key, and this installation is live.");
      }
      const known = cache.get(text);
      return known === undefined ? find(text).then(admit) : admit(known);
    },
    forget: () => cache.clear(),
  };
}

function admit(found: Found): Credential {
  if (found === null) throw new AppError("UNAUTHENTICATED", "There is no such key.");
  if (found.isRevoked) throw new AppError("KEY_REVOKED", "This key was revoked; use another.");
  return found.credential;
}
