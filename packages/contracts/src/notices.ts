/** What customers are told, by signed webhooks (Standard Webhooks): the `type` of the payload. */
export const noticeTypes = [
  "subscription.started",
  "subscription.trial_ending",
  "subscription.changed",
  "subscription.cancel_scheduled",
  "subscription.resumed",
  "subscription.ended",
  "plan.version_changing",
  "period.reset",
  "invoice.paid",
  "invoice.payment_failed",
  "invoice.payment_action_required",
  "invoice.uncollectible",
  "payment_method.expiring",
  "quota.exhausted",
  "usage.threshold_reached",
  "spend_cap.approached",
  "spend_cap.reached",
  "checkout.refunded",
  "charge.refunded",
  "charge.disputed",
  "charge.dispute_closed",
] as const;
export type NoticeType = (typeof noticeTypes)[number];

/**
 * The body of a notice; `webhook-id` names it for good, so a receiver that gets it twice knows. Of one subject (an invoice,
 * a subscription, else the account) an endpoint hears in order. `data` always names the account.
 */
export interface NoticePayload {
  type: NoticeType;
  /** When it happened, in RFC 3339 UTC, by business time. */
  timestamp: string;
  data: { accountId: string } & Record<string, unknown>;
}
