import { isCustomerDeleted, type Stripe, stripeCall } from "@driftlock/stripe";

/**
 * Asks Stripe for something about a customer, and passes over its refusal where that one was deleted: nothing can be done
 * about it any more then, by anybody.
 *
 * @returns what Stripe answered; null where the customer is deleted.
 */
export async function unlessCustomerDeleted<T>(
  stripe: Stripe,
  { customer }: Pick<Stripe.Invoice, "customer">,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await stripeCall(work);
  } catch (error) {
    if (!(await isCustomerDeleted(stripe, customer))) throw error;
    return null;
  }
}
