/** DESIGN 2.5: the snapshot events that are acted upon. Every other type is stored as ignored. */
export const handledStripeEventTypes = [
  "customer.subscription.created",
  "customer.subscription.updated",
  "customer.subscription.deleted",
  "customer.subscription.trial_will_end",
  "customer.subscription.paused",
  "customer.subscription.resumed",
  "customer.subscription.pending_update_applied",
  "customer.subscription.pending_update_expired",
  "invoice.payment_succeeded",
  "invoice.payment_failed",
  "invoice.created",
  "invoice.updated",
  "invoice.finalized",
  "invoice.finalization_failed",
  "invoice.paid",
  "invoice.payment_action_required",
  "invoice.voided",
  "invoice.marked_uncollectible",
  "checkout.session.completed",
  "checkout.session.expired",
  "checkout.session.async_payment_succeeded",
  "checkout.session.async_payment_failed",
  "setup_intent.succeeded",
  "setup_intent.setup_failed",
  "payment_method.attached",
  "payment_method.updated",
  "payment_method.detached",
  "payment_method.automatically_updated",
  "customer.updated",
  "customer.deleted",
  "charge.refunded",
  "charge.dispute.created",
  "charge.dispute.closed",
] as const;
export type HandledStripeEventType = (typeof handledStripeEventTypes)[number];

/** The thin events that are acted upon; they arrive at the same route, signed the same way. */
export const handledThinEventTypes = [
  "v1.billing.meter.error_report_triggered",
  "v1.billing.meter.no_meter_found",
] as const;
export type HandledThinEventType = (typeof handledThinEventTypes)[number];
