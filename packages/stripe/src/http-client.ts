import { setTimeout as delay } from "node:timers/promises";
import { Stripe } from "stripe";
import { type BucketSize, createTokenBuckets, type TokenBuckets } from "./token-bucket.ts";

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>;
type HttpResponse = Awaited<ReturnType<HttpClient["makeRequest"]>>;

const backoffMsMin = 250;
const backoffMsMax = 8_000;

/** Reads of one endpoint that may leave at once: with 20 a second never more than Stripe's 25 in any second. */
const readBurst = 5;

interface HttpClientOptions {
  /** Reads of one endpoint each second. */
  readsPerSecond: number;
  /** Opens buckets that several processes share; where they cannot be asked, or there are none, this one has its own. */
  shareBuckets?: ((size: BucketSize) => TokenBuckets) | undefined;
  /** Tries in all of a request that is answered with 429. (Default: 6.) */
  rateLimitTriesMax?: number | undefined;
  /** Refuses whatever is not a GET, and sends nothing of it. */
  isReadOnly?: boolean | undefined;
  onRateLimited?:
    | ((request: { method: string; path: string; waitMs: number; reason: string | null }) => void)
    | undefined;
  random?: () => number;
}

/**
 * The transport under the SDK, for what the SDK leaves open (STRIPE.md 0.1, 0.2): it takes any JSON without `error`
 * for a success whatever the status, and does not try again after 429. Reads wait in a bucket for each endpoint, and after
 * a 429 nobody reads there until the request that got it is due again.
 */
export function createHttpClient({
  readsPerSecond,
  shareBuckets,
  rateLimitTriesMax = 6,
  isReadOnly = false,
  onRateLimited,
  random = Math.random,
}: HttpClientOptions): HttpClient {
  const inner = Stripe.createNodeHttpClient();
  const size = { ratePerSecond: readsPerSecond, burst: readBurst };
  const own = createTokenBuckets(size);
  const shared = shareBuckets?.(size) ?? own;
  const withBuckets = (use: (buckets: TokenBuckets) => Promise<void>) => use(shared).catch(() => use(own));
  const makeRequest: HttpClient["makeRequest"] = async (...request) => {
    const [, , path, method] = request;
    if (isReadOnly && method !== "GET") return refusal(method, path);
    for (let tries = 1; ; tries += 1) {
      if (method === "GET") await withBuckets(({ take }) => take(endpointOf(path)));
      const response = await inner.makeRequest(...request);
      const waitMs = tries < rateLimitTriesMax ? waitAfter(response, tries, random()) : null;
      if (waitMs === null) return withCheckedBody(response);
      onRateLimited?.({ method, path, waitMs, reason: headerOf(response, "stripe-rate-limited-reason") });
      response.dispose?.();
      await withBuckets(({ pause }) => pause(endpointOf(path), waitMs));
      await delay(waitMs);
    }
  };
  return Object.assign(Object.create(inner) as HttpClient, { makeRequest });
}

/** `/v1/invoices/in_1/lines?limit=3` counts with `/v1/invoices`: Stripe limits by resource, not by object. */
function endpointOf(path: string): string {
  return path.split("?")[0]?.split("/").slice(0, 3).join("/") ?? path;
}

/** How long to wait before the same request again; null when the answer is final. Where Stripe asks for a retry by
 * itself, or forbids one, the SDK obeys. */
function waitAfter(response: HttpResponse, tries: number, random: number): number | null {
  if (response.getStatusCode() !== 429 || headerOf(response, "stripe-should-retry") !== null) return null;
  const askedMs = Number(headerOf(response, "retry-after") ?? "0") * 1000;
  const backoffMs = Math.min(backoffMsMin * 2 ** (tries - 1), backoffMsMax) * (0.5 + random / 2);
  return Math.max(Number.isFinite(askedMs) ? Math.min(askedMs, backoffMsMax) : 0, backoffMs);
}

function headerOf(response: HttpResponse, name: string): string | null {
  const value = response.getHeaders()[name];
  return value === undefined ? null : String(value);
}

/** What the SDK takes for Stripe's answer, and neither sends nor repeats. */
function refusal(method: string, path: string): HttpResponse {
  const message = `this client only reads: ${method} ${path} was not sent`;
  const body = { error: { type: "invalid_request_error", code: "read_only_client", message } };
  return {
    getStatusCode: () => 403,
    getHeaders: () => ({}),
    getRawResponse: () => body,
    toStream: () => {
      throw new Error(message);
    },
    toJSON: async () => body,
  };
}

/** A body without `error` under a status outside of 2xx becomes the error that it is. */
function withCheckedBody(response: HttpResponse): HttpResponse {
  const status = response.getStatusCode();
  if (status >= 200 && status < 300) return response;
  const toJSON = async (): Promise<unknown> => {
    const body = (await response.toJSON().catch(() => null)) as { error?: unknown } | null;
    if (typeof body === "object" && body?.error) return body;
    return { error: { type: "api_error", message: `Stripe answered ${status} without an error` } };
  };
  return Object.assign(Object.create(response) as HttpResponse, { toJSON });
}
