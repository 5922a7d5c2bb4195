import { AppError } from "@driftlock/contracts";
import { Stripe } from "stripe";
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
  const isSigned = secrets.some((secret) => isSignedWith({ rawBody, signature, secret }));
  if (!isSigned) {
    throw new AppError(
      "WEBHOOK_SIGNATURE_INVALID",
      "The signature matches none of the configured secrets: send the raw body, signed with the endpoint's secret.",
    );
  }
  const offSeconds = Math.abs(Math.floor(now.getTime() / 1000) - timestampOf(signature));
  // The SDK checks the age alone and takes a timestamp of next year: a captured request would live that long.
  if (!(offSeconds <= signatureToleranceSeconds)) {
    throw new AppError(
      "WEBHOOK_SIGNATURE_INVALID",
      `The signature's timestamp is more than ${signatureToleranceSeconds} s away from now.`,
    );
  }
  return readWebhook(parseJson(rawBody));
}

function isSignedWith({
  rawBody,
  signature,
  secret,
}: {
  rawBody: Buffer;
  signature: string;
  secret: string;
}): boolean {
  try {
    // Tolerance 0: the time is checked once for all secrets, and on both sides.
    return Stripe.webhooks.signature?.verifyHeader(rawBody, signature, secret, 0) === true;
  } catch {
    return false; // the SDK also throws plain errors over headers that Stripe never sends
  }
}

/** As the SDK reads it, which signs with the last `t` of the header. */
function timestampOf(signature: string): number {
  const times = signature.split(",").flatMap((item) => (item.startsWith("t=") ? [item.slice(2)] : []));
  return Number.parseInt(times.at(-1) ?? "", 10);
}

function parseJson(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString("utf8"));
  } catch (cause) {
    throw new AppError("MALFORMED_BODY", "The signed body is not JSON.", { cause });
  }
}
