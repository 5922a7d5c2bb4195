/**
 * Every error that leaves a process, by its stable code. REST renders `status`, tRPC maps it, a queue turns
 * `retryable: false` into a job that is not tried again. A code is never renamed or given another meaning.
 */
export const errorCatalog = {
  MALFORMED_BODY: { status: 400, retryable: false, title: "The body cannot be read" },
  WEBHOOK_SIGNATURE_INVALID: { status: 400, retryable: false, title: "The webhook's signature is not valid" },
  UNAUTHENTICATED: { status: 401, retryable: false, title: "No valid credential was sent" },
  KEY_REVOKED: { status: 401, retryable: false, title: "This key was revoked" },
  TOKEN_EXPIRED: { status: 401, retryable: false, title: "This token has expired" },
  SCOPE_MISSING: { status: 403, retryable: false, title: "The credential lacks a scope" },
  NOT_FOUND: { status: 404, retryable: false, title: "There is nothing here" },
  ACCOUNT_NOT_FOUND: { status: 404, retryable: false, title: "There is no such account" },
  INVOICE_NOT_FOUND: { status: 404, retryable: false, title: "There is no such invoice" },
  EVENT_NOT_FOUND: { status: 404, retryable: false, title: "Nothing is known of this event" },
  DUNNING_CASE_NOT_FOUND: { status: 404, retryable: false, title: "No payment of this invoice failed" },
  RESERVATION_NOT_FOUND: { status: 404, retryable: false, title: "There is no such reservation" },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false, title: "This path does not take that method" },
  REQUEST_TIMEOUT: { status: 408, retryable: true, title: "The request took too long to arrive" },
  ACCOUNT_EXISTS: { status: 409, retryable: false, title: "This account exists already" },
  DUNNING_CASE_SETTLED: { status: 409, retryable: false, title: "The story of this invoice has ended" },
  INVOICE_SETTLED: { status: 409, retryable: false, title: "Nothing is to be paid on this invoice" },
  METRIC_EXISTS: { status: 409, retryable: false, title: "This metric exists already" },
  REPORT_KEY_LOCKED: { status: 409, retryable: false, title: "The key that signs reports cannot be opened" },
  ADJUSTMENT_SETTLED: { status: 409, retryable: false, title: "This adjustment is decided already" },
  REPORT_SETTLED: { status: 409, retryable: false, title: "Nothing is to be decided of this report" },
  QUARANTINE_SETTLED: { status: 409, retryable: false, title: "This was replayed or discarded before" },
  EVENT_CONFLICT: { status: 409, retryable: false, title: "This event id was used with another payload" },
  RESERVATION_CONFLICT: { status: 409, retryable: false, title: "This reservation id was used otherwise" },
  RESERVATION_ENDED: { status: 409, retryable: false, title: "This reservation holds nothing any more" },
  ALREADY_SUBSCRIBED: { status: 409, retryable: false, title: "This account has a paid subscription" },
  NO_SUBSCRIPTION: { status: 409, retryable: false, title: "This account has no paid subscription" },
  ALREADY_CANCELED: { status: 409, retryable: false, title: "The subscription is cancelled already" },
  NOT_CANCELED: { status: 409, retryable: false, title: "The subscription is not set to end" },
  CHANGE_IN_PROGRESS: { status: 409, retryable: true, title: "Another change is under way" },
  SUBSCRIPTION_NOT_ACTIVE: { status: 409, retryable: false, title: "The subscription is not active" },
  SAME_PLAN: { status: 409, retryable: false, title: "The account is on this plan already" },
  PAYMENT_FAILED: { status: 402, retryable: false, title: "The payment failed" },
  CARD_EXPIRED: { status: 402, retryable: false, title: "The card has expired" },
  PAYMENT_ACTION_REQUIRED: { status: 402, retryable: false, title: "The bank asks for a confirmation" },
  BODY_TOO_LARGE: { status: 413, retryable: false, title: "The body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, title: "This content type is not taken" },
  UNKNOWN_HOST: { status: 421, retryable: false, title: "This host is not served here" },
  INVALID: { status: 422, retryable: false, title: "The request is not valid" },
  INVALID_EVENT: { status: 422, retryable: false, title: "The event is not valid" },
  UNKNOWN_METRIC: { status: 422, retryable: false, title: "There is no such metric" },
  UNKNOWN_GROUP_KEY: { status: 422, retryable: false, title: "The metric does not declare this property" },
  USAGE_NOT_KEPT: { status: 422, retryable: false, title: "Usage is not kept for so long in this window" },
  UNKNOWN_PLAN: { status: 422, retryable: false, title: "There is no such plan" },
  PLAN_NOT_PURCHASABLE: { status: 422, retryable: false, title: "This plan cannot be bought" },
  RETURN_URL_NOT_ALLOWED: { status: 422, retryable: false, title: "This return URL is not allowed" },
  PERIOD_CLOSED: { status: 422, retryable: false, title: "The period of this event is closed" },
  QUOTA_EXCEEDED: { status: 429, retryable: false, title: "The quota is spent" },
  RATE_LIMITED: { status: 429, retryable: true, title: "Too many requests" },
  HEADERS_TOO_LARGE: { status: 431, retryable: false, title: "The headers are too large" },
  INTERNAL: { status: 500, retryable: true, title: "Something went wrong on our side" },
  BACKLOG_FULL: { status: 503, retryable: true, title: "Too much usage waits to be written" },
  STRIPE_UNAVAILABLE: { status: 503, retryable: true, title: "Stripe cannot be reached" },
  UNAVAILABLE: { status: 503, retryable: true, title: "Not ready to serve this" },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type ErrorCode = keyof typeof errorCatalog;

export interface AppErrorOptions {
  cause?: unknown;
  /** Seconds after which a repeat can help; rendered as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Extra members of the problem document, safe to show to the caller. */
  extensions?: Record<string, unknown>;
}

/** An error that the caller may see: `detail` says what to do and holds no secret. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Record<string, unknown>;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extensions = options.extensions ?? {};
  }
}

/** Whether trying the same again can succeed; what is not ours to know is taken as transient. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof AppError) || errorCatalog[error.code].retryable;
}
