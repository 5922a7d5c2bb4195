import { isCustomerDeleted, type Stripe, stripeCall } from "@driftlock/stripe";

/**
 * Does something with an invoice, and passes over Stripe's refusal where its customer was deleted: nothing can be done
 * with it any more then, by anybody.
 *
 * @returns whether it was done.
 */
export async function unlessCustomerDeleted(
  stripe: Stripe,
  invoice: Pick<Stripe.Invoice, "customer">,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await stripeCall(work);
    return true;
  } catch (error) {
    if (!(await isCustomerDeleted(stripe, invoice.customer))) throw error;
    return false;
  }
}
