import { itsCustomer } from "./family.ts";

/** The customer with its payment methods and which of them is the default. */
export const customerEvents = {
  "customer.updated": itsCustomer,
  "customer.deleted": itsCustomer,
} as const;
