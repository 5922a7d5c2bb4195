import type { Stripe } from "@driftlock/stripe";

/**
 * What customers may do in Stripe's portal: see invoices, change cards and address, cancel at the period's end. Plans
 * are changed with us alone, since what was used under the old one is reported first. @returns the configuration's id.
 */
export async function setUpPortal(stripe: Stripe): Promise<string> {
  const features = {
    invoice_history: { enabled: true },
    payment_method_update: { enabled: true },
    customer_update: {
      enabled: true,
      allowed_updates: ["email" as const, "address" as const, "tax_id" as const],
    },
    subscription_cancel: { enabled: true, mode: "at_period_end" as const },
    subscription_update: { enabled: false },
  };
  // Sessions that name no configuration get the default one.
  const { data } = await stripe.billingPortal.configurations.list({ is_default: true, limit: 1 });
  const found = data[0];
  if (found !== undefined)
    return (await stripe.billingPortal.configurations.update(found.id, { features })).id;
  const created = await stripe.billingPortal.configurations.create(
    { features, metadata: { managed_by: "driftlock" } },
    { idempotencyKey: "portal-configuration" },
  );
  return created.id;
}
