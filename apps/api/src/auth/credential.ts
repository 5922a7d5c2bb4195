import { AppError, type KeyScope } from "@driftlock/contracts";

/** Who calls, from a key or from a JWT; what the rest of the gateway knows of it. */
export interface Credential {
  readonly kind: "key" | "user";
  /** Names the credential in logs, in the audit log and in the rate limit: the key's id, or "user:<sub>". */
  readonly id: string;
  readonly scopes: ReadonlySet<KeyScope>;
  /** The account it belongs to; null for a key of scope `service` or `operator`. */
  readonly accountId: string | null;
}

type RouteScope = Exclude<KeyScope, "service">;

/** What a route asks for: nothing, one scope, or any one of several. */
export type RouteAccess = "public" | RouteScope | readonly RouteScope[];

const accountScopes = ["usage:write", "billing:read", "billing:write"] as const;

/** A key of scope `service` that was given no scope of an account has all of them. */
export function effectiveScopes(scopes: readonly KeyScope[]): ReadonlySet<KeyScope> {
  const isBareService = scopes.includes("service") && !accountScopes.some((scope) => scopes.includes(scope));
  return new Set(isBareService ? [...scopes, ...accountScopes] : scopes);
}

/** Whether it acts for any account. */
export const isService = (credential: Credential): boolean => credential.scopes.has("service");

/** The credential, if it has the scope, or one of the scopes. @throws UNAUTHENTICATED without one, SCOPE_MISSING. */
export function requireScope(
  credential: Credential | null,
  access: KeyScope | readonly KeyScope[],
): Credential {
  if (credential === null) {
    throw new AppError("UNAUTHENTICATED", "Send an API key or a token: Authorization: Bearer …");
  }
  const { scopes } = credential;
  const isGranted =
    typeof access === "string" ? scopes.has(access) : access.some((scope) => scopes.has(scope));
  if (!isGranted) {
    const requiredScope = [access].flat().join(" or ");
    throw new AppError("SCOPE_MISSING", `This needs the scope ${requiredScope}.`, {
      extensions: { requiredScope },
    });
  }
  return credential;
}

/**
 * The account that a request is about. A service key must name one, in the query, the body or both alike; any other
 * credential has its own. @throws INVALID for none or two, ACCOUNT_NOT_FOUND for another's, so that nobody learns
 * which accounts there are.
 */
export function accountOf(credential: Credential, ...named: (string | undefined)[]): string {
  const [name, ...others] = new Set(named.filter((each) => each !== undefined));
  if (others.length > 0) throw invalidAccount("The query and the body name different accounts.");
  if (isService(credential)) {
    if (name === undefined)
      throw invalidAccount("A service key acts for any account: say which as accountId.");
    return name;
  }
  if (credential.accountId === null) {
    throw new AppError("SCOPE_MISSING", "This key belongs to no account; that needs the scope service.", {
      extensions: { requiredScope: "service" },
    });
  }
  if (name !== undefined && name !== credential.accountId) throw noSuchAccount(name);
  return credential.accountId;
}

export const noSuchAccount = (accountId: string): AppError =>
  new AppError("ACCOUNT_NOT_FOUND", `There is no account "${accountId}".`);

const invalidAccount = (message: string): AppError =>
  new AppError("INVALID", message, { extensions: { errors: [{ path: "accountId", message }] } });
