import { isUtf8 } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError } from "@driftlock/contracts";
import { readWebhook, type StripeWebhook } from "./read-webhook.ts";

/** Stripe's own default: how far a signature's timestamp may lie from now, on either side. */
export const signatureToleranceSeconds = 300;

export interface WebhookRequest {
  /** The bytes as they came: a body that was parsed and printed again never verifies. */
  rawBody: Buffer;
  /** The `Stripe-Signature` header. */
  signature: string | undefined;
  /** Each is tried: while a secret is rolled there are two. */
  secrets: readonly string[];
  /** Wall time. */
  now: Date;
}

/**
 * What Stripe sent, once its signature is checked. @throws WEBHOOK_SIGNATURE_INVALID when the signature is missing,
 * made with another secret, or older or further ahead than 300 s; MALFORMED_BODY when what was signed is no event.
 */
export function verifyWebhook({ rawBody, signature, secrets, now }: WebhookRequest): StripeWebhook {
  if (signature === undefined || signature === "") {
    throw new AppError("WEBHOOK_SIGNATURE_INVALID", "The Stripe-Signature header is missing.");
  }
  const header = parseHeader(signature);
  if (header === null || !isSigned(rawBody, header, secrets)) {
    throw new AppError(
      "WEBHOOK_SIGNATURE_INVALID",
      "The signature matches none of the configured secrets: send the raw body, signed with the endpoint's secret.",
    );
  }
  const offSeconds = Math.abs(Math.floor(now.getTime() / 1000) - header.timestamp);
  // The SDK checks the age alone and takes a timestamp of next year: a captured request would live that long.
  if (!(offSeconds <= signatureToleranceSeconds)) {
    throw new AppError(
      "WEBHOOK_SIGNATURE_INVALID",
      `The signature's timestamp is more than ${signatureToleranceSeconds} s away from now.`,
    );
  }
  return readWebhook(parseJson(rawBody));
}

/** Hexadecimal digits of SHA-256. */
const digestLength = 64;

interface Header {
  /** Unix seconds; NaN where it is none. */
  timestamp: number;
  /** Those that could be right, as the bytes of their digits. */
  digests: readonly Buffer[];
}

/**
 * `t=<seconds>,v1=<digest>,…` (docs.stripe.com/webhooks/signature) as the SDK reads it, down to what Stripe never sends: the
 * last `t` counts, and one `v1` that cannot be compared spoils all. Null where nothing in it can be right.
 */
function parseHeader(signature: string): Header | null {
  let timestamp = -1;
  const digests: Buffer[] = [];
  for (const item of signature.split(",")) {
    const [name, value] = item.split("=");
    if (name === "t") timestamp = Number.parseInt(value ?? "", 10);
    if (name !== "v1") continue;
    if (value === undefined || value === "") return null;
    if (value.length !== digestLength) continue;
    const digest = Buffer.from(value);
    if (digest.length !== digestLength) return null;
    digests.push(digest);
  }
  return timestamp === -1 || digests.length === 0 ? null : { timestamp, digests };
}

const decoder = new TextDecoder();

/** What is signed of a body: its bytes, or, as with the SDK, those of its text where they are not all of it. */
function contentOf(rawBody: Buffer): Buffer {
  const hasByteOrderMark = rawBody[0] === 0xef && rawBody[1] === 0xbb && rawBody[2] === 0xbf;
  return !hasByteOrderMark && isUtf8(rawBody) ? rawBody : Buffer.from(decoder.decode(rawBody));
}

/** By hand: the SDK decodes the body, joins it anew for each secret, and makes an error of each that is not the one. */
function isSigned(rawBody: Buffer, { timestamp, digests }: Header, secrets: readonly string[]): boolean {
  const content = contentOf(rawBody);
  return secrets.some((secret) => {
    const made = createHmac("sha256", secret).update(`${timestamp}.`).update(content).digest("hex");
    const expected = Buffer.from(made);
    return digests.some((digest) => timingSafeEqual(expected, digest));
  });
}

function parseJson(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString("utf8"));
  } catch (cause) {
    throw new AppError("MALFORMED_BODY", "The signed body is not JSON.", { cause });
  }
}
