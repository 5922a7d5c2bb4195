import { AppError, isConfidentialDecline } from "@driftlock/contracts";
import { Stripe } from "stripe";

/** What Stripe says of a payment that did not go through. */
export interface Decline {
  /** Stripe's `code`, for example "card_declined" or "authentication_required". */
  code: string;
  /** The issuer's word, for example "insufficient_funds"; Stripe's `code` where it gave none. */
  declineCode: string;
  paymentIntentId: string | null;
  paymentMethodId: string | null;
}

/** The decline inside an error of the SDK, or inside an AppError made from one; null for every other error. */
export function declineOf(error: unknown): Decline | null {
  const cause = error instanceof AppError ? error.cause : error;
  if (!(cause instanceof Stripe.errors.StripeCardError)) return null;
  const code = cause.code ?? "card_declined";
  const intent = cause.payment_intent;
  return {
    code,
    declineCode: cause.decline_code ?? code,
    paymentIntentId: intent?.id ?? null,
    paymentMethodId: cause.payment_method?.id ?? intent?.last_payment_error?.payment_method?.id ?? null,
  };
}

/** Whether Stripe has no such object (any more). */
export function isResourceMissing(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return (
    cause instanceof Stripe.errors.StripeError &&
    (cause.code === "resource_missing" || cause.statusCode === 404)
  );
}

/** Whether a meter event was refused because one with its identifier is in already: for us a success. */
export function isDuplicateMeterEvent(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return (
    cause instanceof Stripe.errors.StripeError &&
    (cause.code === "duplicate_meter_event" ||
      /already exists with (the same )?identifier/i.test(cause.message))
  );
}

/** What a failed call to a meter says: whether to try it again, and whether others should wait too. */
export type MeterCallFailure =
  /** It will be refused every time. */
  | { kind: "refused"; code: string }
  /** Another call for the same customer and meter is under way, or this one failed by itself. */
  | { kind: "later" }
  /** Stripe is away, or has had enough of our calls. `waitMs`: what it asked for. */
  | { kind: "all-later"; waitMs: number };

export function meterCallFailureOf(error: unknown): MeterCallFailure {
  if (!(error instanceof Stripe.errors.StripeError)) return { kind: "later" };
  const status = error.statusCode;
  if (error.code === "lock_timeout" || status === 409) return { kind: "later" };
  if (status === undefined || status >= 500) return { kind: "all-later", waitMs: 0 };
  if (error instanceof Stripe.errors.StripeRateLimitError || status === 429) {
    // Without a reason it is a lock that was not free in time: the next customer's may be (STRIPE.md 2).
    if (error.headers?.["stripe-rate-limited-reason"] === undefined && error.code !== "rate_limit")
      return { kind: "later" };
    const askedMs = Number(error.headers?.["retry-after"] ?? "0") * 1_000;
    return { kind: "all-later", waitMs: Number.isFinite(askedMs) ? askedMs : 0 };
  }
  // A wrong key is mended outside of the report.
  if (status !== 400 && status !== 404) return { kind: "all-later", waitMs: 0 };
  return { kind: "refused", code: error.code ?? error.type };
}

/** Translates an error of the SDK into one that may leave the process; every other error is given back as it is. */
export function toAppError(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const decline = declineOf(error);
  if (decline !== null) return paymentError(error, decline);
  if (isResourceMissing(error)) return new AppError("NOT_FOUND", error.message, { cause: error });
  if (isTransient(error)) {
    return new AppError("STRIPE_UNAVAILABLE", "Stripe cannot be reached; try again.", {
      cause: error,
      retryAfterSeconds: 5,
    });
  }
  // A request that Stripe refuses, or a key that it does not take, is our fault and not the caller's.
  return new AppError("INTERNAL", `Stripe refused a request: ${error.message}`, { cause: error });
}

/** Runs calls to Stripe so that what they throw is an AppError: STRIPE_UNAVAILABLE, PAYMENT_FAILED, NOT_FOUND … */
export async function stripeCall<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}

function paymentError(error: Error, decline: Decline): AppError {
  const isConfidential = isConfidentialDecline(decline.declineCode);
  const declineCode = isConfidential ? "generic_decline" : decline.declineCode;
  const detail = isConfidential ? "Your card was declined." : error.message;
  const code =
    decline.code === "authentication_required"
      ? "PAYMENT_ACTION_REQUIRED"
      : decline.declineCode === "expired_card"
        ? "CARD_EXPIRED"
        : "PAYMENT_FAILED";
  return new AppError(code, detail, { cause: error, extensions: { declineCode } });
}

function isTransient(error: InstanceType<typeof Stripe.errors.StripeError>): boolean {
  const status = error.statusCode;
  return (
    error instanceof Stripe.errors.StripeConnectionError ||
    error instanceof Stripe.errors.StripeRateLimitError ||
    status === undefined ||
    status === 409 ||
    status === 429 ||
    status >= 500
  );
}
