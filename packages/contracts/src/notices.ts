/** What customers are told, by signed webhooks (Standard Webhooks): the `type` of the payload. */
export const noticeTypes = [
  "subscription.started",
  "subscription.changed",
  "subscription.cancel_scheduled",
  "subscription.resumed",
  "subscription.ended",
  "period.reset",
  "invoice.paid",
  "invoice.payment_failed",
  "invoice.payment_action_required",
  "invoice.uncollectible",
  "payment_method.expiring",
  "quota.exhausted",
  "checkout.refunded",
] as const;
export type NoticeType = (typeof noticeTypes)[number];
