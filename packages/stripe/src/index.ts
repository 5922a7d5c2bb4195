export type { Stripe } from "stripe";
export { createStripe, type StripeOptions, stripeApiVersion } from "./client.ts";
export {
  type Decline,
  declineOf,
  isDuplicateMeterEvent,
  isResourceMissing,
  type MeterCallFailure,
  meterCallFailureOf,
  stripeCall,
  toAppError,
} from "./errors.ts";
export { isCustomerDeleted } from "./is-customer-deleted.ts";
export { type MeterSpan, meterTotal } from "./meter-total.ts";
export { readWebhook, stripeHintOf, type StripeWebhook } from "./read-webhook.ts";
export type { BucketSize, TokenBuckets } from "./token-bucket.ts";
export { unitAmountDecimal } from "./unit-amount.ts";
export { verifyStripeAccount } from "./verify-stripe-account.ts";
export { signatureToleranceSeconds, verifyWebhook, type WebhookRequest } from "./verify-webhook.ts";
