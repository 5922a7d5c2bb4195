import { invalidRequest, StripeError } from "../errors.ts";
import { API_VERSION } from "../version.ts";

export interface Credential {
  key: string;
  isPublishable: boolean;
}

/** Reads the API key off the `Authorization` header (Bearer or Basic). Any `sk_test_…`, `rk_test_…` or `pk_test_…` is taken. */
export function authenticate(header: string | undefined): Credential {
  const [scheme = "", value = ""] = (header ?? "").split(" ");
  const key =
    scheme.toLowerCase() === "basic" ? (Buffer.from(value, "base64").toString().split(":")[0] ?? "") : value;
  if (key === "")
    throw unauthorized(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  if (!/^(sk|rk|pk)_test_[A-Za-z0-9_]+$/.test(key))
    throw unauthorized(`Invalid API Key provided: ${redact(key)}`);
  return { key, isPublishable: key.startsWith("pk_") };
}

/** Whether the request is held to the pinned version (its header says so) or may use parameters of older ones (no header). */
export function isPinnedVersion(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header === API_VERSION) return true;
  throw invalidRequest(`Invalid Stripe API version: ${header}. The simulator speaks ${API_VERSION}.`);
}

const unauthorized = (message: string) => new StripeError(401, { type: "invalid_request_error", message });

const redact = (key: string): string =>
  `${key.slice(0, 8)}${"*".repeat(Math.max(0, key.length - 12))}${key.slice(-4)}`;
