import { DriftLockError } from "./errors.ts";
import { parseRetryAfter } from "./retry-delay.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where the gateway is and as whom to speak to it. */
export interface GatewayOptions {
  /** Origin of the gateway, with the path it is mounted under, if any. */
  url: string;
  /** `dlk_…`. */
  apiKey: string;
  /** (Default: the global `fetch`) */
  fetch?: Fetch;
}

/** `unavailable`: nobody knows whether it was taken, or it was not; the same again can help. `refused`: it cannot. */
export type GatewayAnswer =
  | { kind: "answered"; body: unknown }
  | { kind: "unavailable"; reason: string; retryAfterMs: number }
  | { kind: "refused"; error: DriftLockError };

export type PostJson = (
  path: string,
  json: string,
  limits: { timeoutMs: number; signal?: AbortSignal },
) => Promise<GatewayAnswer>;

/** Posts to the gateway and never throws. @throws TypeError at once for a `url` or `apiKey` that cannot be used. */
export function createPostJson(options: GatewayOptions): PostJson {
  const { protocol } = new URL(options.url);
  if (protocol !== "https:" && protocol !== "http:") throw new TypeError(`"${options.url}" is no HTTP URL`);
  if (!/^[\x21-\x7e]+$/.test(options.apiKey)) throw new TypeError("apiKey is empty or no key");
  const base = options.url.replace(/\/+$/, "");
  const send = options.fetch ?? fetch;

  return async (path, json, { timeoutMs, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await send(`${base}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${options.apiKey}`, "content-type": "application/json" },
        body: json,
        // A key is not carried to where a redirect points.
        redirect: "manual",
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      return judge(response, await response.text(), path);
    } catch (error) {
      return { kind: "unavailable", reason: reasonOf(error), retryAfterMs: 0 };
    }
  };
}

function judge(response: Response, text: string, path: string): GatewayAnswer {
  const { status, headers } = response;
  const body = parseJson(text);
  const code = memberOf(body, "code");
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    const retryAfterMs = parseRetryAfter(headers.get("retry-after"), Date.now());
    return { kind: "unavailable", reason: `${status} ${code}`.trim(), retryAfterMs };
  }
  if (response.ok && body !== undefined) return { kind: "answered", body };
  if (response.ok || status < 400) {
    const message = `POST ${path} was answered ${status} by something that is not the gateway; check the url.`;
    return { kind: "refused", error: new DriftLockError("UNEXPECTED_ANSWER", message, { status }) };
  }
  const hint = status === 401 || status === 403 ? "Check the API key and its scopes. " : "";
  const message = `POST ${path} was refused: ${status} ${code}. ${hint}${memberOf(body, "detail")}`.trim();
  return { kind: "refused", error: new DriftLockError("REFUSED", message, { status }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function memberOf(body: unknown, name: "code" | "detail"): string {
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : "";
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
