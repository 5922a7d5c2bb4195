import { itsObject } from "./family.ts";

/** The session: when complete it leads to its customer and its subscription. */
export const checkoutSessionEvents = {
  "checkout.session.completed": itsObject,
  "checkout.session.expired": itsObject,
  "checkout.session.async_payment_succeeded": itsObject,
  "checkout.session.async_payment_failed": itsObject,
} as const;
