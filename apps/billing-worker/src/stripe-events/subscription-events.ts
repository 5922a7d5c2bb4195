import { itsObject } from "./family.ts";

/** The subscription: its status, plan, period and end decide what the account may do. */
export const subscriptionEvents = {
  "customer.subscription.created": itsObject,
  "customer.subscription.updated": itsObject,
  "customer.subscription.deleted": itsObject,
  "customer.subscription.trial_will_end": itsObject,
  "customer.subscription.paused": itsObject,
  "customer.subscription.resumed": itsObject,
  "customer.subscription.pending_update_applied": itsObject,
  "customer.subscription.pending_update_expired": itsObject,
} as const;
