import type { Stripe } from "stripe";
import { stripeCall } from "./errors.ts";

/**
 * Whether Stripe has deleted this customer: no operation on it goes through any more, its open drafts among them
 * (docs.stripe.com/api/customers/delete). A deleted customer can still be retrieved.
 */
export async function isCustomerDeleted(
  stripe: Stripe,
  customer: Stripe.Invoice["customer"],
): Promise<boolean> {
  if (customer === null) return false;
  const { deleted } =
    typeof customer === "string" ? await stripeCall(() => stripe.customers.retrieve(customer)) : customer;
  return deleted === true;
}
