export { DriftLockError, type DriftLockErrorCode } from "./errors.ts";
export type { Fetch, GatewayOptions } from "./gateway.ts";
export {
  createUsageDigest,
  type SentUsage,
  type UsageDigest,
  type UsageDigestOptions,
  type UsageDigestResult,
} from "./usage-digest.ts";
export {
  type CheckQuota,
  createQuotaCheck,
  type QuotaAnswer,
  type QuotaCheckOptions,
  type QuotaQuestion,
} from "./quota-check.ts";
export {
  createUsageClient,
  type RejectedUsage,
  type UsageClient,
  type UsageClientOptions,
  type UsageToRecord,
} from "./usage-client.ts";
