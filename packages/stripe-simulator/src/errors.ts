/** The body of Stripe's `error` object. */
export interface StripeErrorBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
  advice_code?: string;
  charge?: string;
  payment_intent?: object;
  payment_method?: object;
  setup_intent?: object;
}

/** An answer in Stripe's error form; what was written before it was thrown is kept (a declined charge stays). */
export class StripeError extends Error {
  override readonly name = "StripeError";
  readonly status: number;
  readonly body: StripeErrorBody;
  /** The `stripe-should-retry` header, where Stripe sends one. */
  readonly shouldRetry: boolean | null;
  /** The `stripe-rate-limited-reason` header of a 429; null is no header. */
  readonly rateLimitReason: string | null;

  constructor(
    status: number,
    body: StripeErrorBody,
    {
      shouldRetry = null,
      rateLimitReason = null,
    }: { shouldRetry?: boolean | null; rateLimitReason?: string | null } = {},
  ) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.shouldRetry = shouldRetry;
    this.rateLimitReason = rateLimitReason;
  }
}

/** 400 `invalid_request_error`; `param` in Stripe's form `a[b][0]`. */
export const invalidRequest = (
  message: string,
  detail: { code?: string; param?: string } = {},
): StripeError => new StripeError(400, { type: "invalid_request_error", message, ...detail });

/** 404 `resource_missing`, worded like Stripe's. `noun` is the object's type. */
export const resourceMissing = (noun: string, id: string, param = "id"): StripeError =>
  new StripeError(param === "id" ? 404 : 400, {
    type: "invalid_request_error",
    code: "resource_missing",
    message: `No such ${noun}: '${id}'`,
    param,
  });

/** 429: too many calls. What Stripe says about trying again is not known to be more than this (STRIPE.md 0.2). */
export const rateLimited = (rateLimitReason: string, shouldRetry: boolean | null = null): StripeError =>
  new StripeError(
    429,
    {
      type: "invalid_request_error",
      code: "rate_limit",
      message:
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
    },
    { rateLimitReason, shouldRetry },
  );

/** 402 `card_error`; `code` as in Stripe's list of error codes, `decline_code` as the issuer gave it. */
export const cardError = (message: string, detail: Omit<StripeErrorBody, "type" | "message">): StripeError =>
  new StripeError(402, { type: "card_error", message, ...detail });
