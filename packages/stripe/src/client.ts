import { Stripe } from "stripe";
import { createHttpClient } from "./http-client.ts";
import type { BucketSize, TokenBuckets } from "./token-bucket.ts";

/** The version that our code, our webhook endpoint and the installed package agree on (FIELD H19). */
export const stripeApiVersion = "2026-10-28.endive";

// Long enough for an invoice with many lines, short enough that a lease of the customer outlives the call.
const timeoutMs = 20_000;

export interface StripeOptions {
  secretKey: string;
  /** Where the API is; absent, Stripe itself. Every base address of the SDK goes there, meter streams too. */
  apiUrl?: string | undefined;
  /** Opens the buckets that an installation's processes share, since the limit is the account's. (Default: its own.) */
  shareBuckets?: ((size: BucketSize) => TokenBuckets) | undefined;
  log?: { warn(fields: object, message: string): void } | undefined;
  /** Tries after the first for connection errors, 409 and 5xx, with the same idempotency key. */
  maxNetworkRetries: number;
  /** Reads of one endpoint each second; Stripe's own default limit is 25. (Default: 20.) */
  readsPerSecond?: number | undefined;
  /** Tries in all of a request that is answered with 429; 1 leaves it to the caller. (Default: 6.) */
  rateLimitTriesMax?: number | undefined;
  /** Nothing but reads leaves: every other request is refused here, with 403. (Default: false.) */
  isReadOnly?: boolean | undefined;
}

/** The one way to a Stripe client: pinned version, checked status, backoff after 429, no telemetry. */
export function createStripe(options: StripeOptions): Stripe {
  const {
    secretKey,
    apiUrl,
    log,
    maxNetworkRetries,
    readsPerSecond = 20,
    rateLimitTriesMax,
    isReadOnly,
  } = options;
  const httpClient = createHttpClient({
    readsPerSecond,
    shareBuckets: options.shareBuckets,
    rateLimitTriesMax,
    isReadOnly,
    onRateLimited: (request) => log?.warn(request, "stripe.rate-limited"),
  });
  return new Stripe(secretKey, {
    apiVersion: stripeApiVersion,
    telemetry: false,
    timeout: timeoutMs,
    maxNetworkRetries,
    httpClient,
    ...(apiUrl !== undefined && addressOf(new URL(apiUrl))),
  });
}

function addressOf(url: URL): { host: string; port: number; protocol: "http" | "https" } {
  const protocol = url.protocol === "http:" ? "http" : "https";
  const port = url.port === "" ? (protocol === "http" ? 80 : 443) : Number(url.port);
  return { host: url.hostname, port, protocol };
}
