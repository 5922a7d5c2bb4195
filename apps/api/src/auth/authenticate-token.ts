import { AccountId, AppError, type KeyScope } from "@driftlock/contracts";
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import type { Credential } from "./credential.ts";
import { createExpiringCache } from "./expiring-cache.ts";

const algorithms = ["ES256", "RS256", "EdDSA"];
const clockToleranceSeconds = 5;
/** Scopes that a token can carry: a user of the front end neither writes usage nor operates (DESIGN 2.3). */
const tokenScopes: readonly KeyScope[] = ["billing:read", "billing:write"];
const knownAccountsMax = 50_000;
const knownAccountTtlMs = 10 * 60_000;

export interface TokenSettings {
  jwksUrl: string;
  issuer: string;
  audience: string;
  accountClaim: string;
}

/** Opens the account on Free where there is none of that id. */
export type EnsureAccount = (account: {
  accountId: string;
  name: string | null;
  email: string | null;
}) => Promise<unknown>;

/** Verifies a JWT and gives its credential. @throws UNAUTHENTICATED, TOKEN_EXPIRED, UNAVAILABLE. */
export type TokenAuthenticator = (token: string) => Promise<Credential>;

/** Tokens of the front end's users; the account that a valid one names is opened at its first call. */
export function createTokenAuthenticator(deps: {
  settings: TokenSettings;
  ensureAccount: EnsureAccount;
  wallNow: () => number;
}): TokenAuthenticator {
  const { jwksUrl, issuer, audience, accountClaim } = deps.settings;
  const keySet = createRemoteJWKSet(new URL(jwksUrl));
  const known = createExpiringCache<true>({
    entriesMax: knownAccountsMax,
    ttlMs: knownAccountTtlMs,
    wallNow: deps.wallNow,
  });

  const verify = async (token: string): Promise<JWTPayload> => {
    try {
      const { payload } = await jwtVerify(token, keySet, {
        algorithms,
        issuer,
        audience,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ["exp"],
        currentDate: new Date(deps.wallNow()),
      });
      return payload;
    } catch (error) {
      throw toAuthError(error);
    }
  };

  return async (token) => {
    const payload = await verify(token);
    const account = AccountId.safeParse(payload[accountClaim]);
    if (!account.success) {
      throw new AppError("UNAUTHENTICATED", `The token names no account in its claim "${accountClaim}".`);
    }
    const accountId = account.data;
    if (known.get(accountId) === undefined) {
      await deps.ensureAccount({ accountId, name: textOf(payload["name"]), email: textOf(payload["email"]) });
      known.set(accountId, true);
    }
    const granted = (textOf(payload["scope"]) ?? "").split(" ");
    return {
      kind: "user",
      id: `user:${payload.sub ?? accountId}`,
      scopes: new Set(tokenScopes.filter((scope) => granted.includes(scope))),
      accountId,
    };
  };
}

const textOf = (claim: unknown): string | null => (typeof claim === "string" && claim !== "" ? claim : null);

function toAuthError(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) {
    return new AppError("TOKEN_EXPIRED", "Sign in again: this token has expired.", { cause: error });
  }
  const isKeySetAway =
    error instanceof errors.JWKSTimeout ||
    !(error instanceof errors.JOSEError) ||
    error.code === "ERR_JOSE_GENERIC";
  if (isKeySetAway) {
    return new AppError("UNAVAILABLE", "The keys that sign tokens cannot be read; try again.", {
      cause: error,
      retryAfterSeconds: 2,
    });
  }
  return new AppError("UNAUTHENTICATED", "This token is not valid here.", { cause: error });
}
