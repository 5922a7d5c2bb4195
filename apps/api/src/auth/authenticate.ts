import { AppError } from "@driftlock/contracts";
import type { KeyAuthenticator } from "./authenticate-key.ts";
import type { TokenAuthenticator } from "./authenticate-token.ts";
import type { Credential } from "./credential.ts";

const credentialLengthMax = 8_192;

/**
 * The credential of an Authorization header, or null where there is none; at once where it is known.
 * @throws UNAUTHENTICATED, KEY_REVOKED, TOKEN_EXPIRED, UNAVAILABLE.
 */
export type Authenticate = (header: string | undefined) => Credential | null | Promise<Credential>;

/** Tells keys from tokens by their form. Without `tokens` no JWT is taken. */
export const createAuthenticate =
  (deps: { keys: KeyAuthenticator; tokens: TokenAuthenticator | null }): Authenticate =>
  (header) => {
    if (header === undefined || header === "") return null;
    const text = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
    if (text === undefined || text.length > credentialLengthMax) {
      throw new AppError("UNAUTHENTICATED", "The Authorization header must be: Bearer <key or token>.");
    }
    if (text.startsWith("dlk_")) return deps.keys.authenticate(text);
    if (deps.tokens === null)
      throw new AppError("UNAUTHENTICATED", "Tokens are not taken here, only API keys.");
    return deps.tokens(text);
  };
