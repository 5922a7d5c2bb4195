import { syncCharge, syncDispute } from "./sync-charge.ts";
import { syncCheckoutSession } from "./sync-checkout-session.ts";
import { syncCustomer } from "./sync-customer.ts";
import { syncInvoice } from "./sync-invoice.ts";
import { syncPaymentMethod } from "./sync-payment-method.ts";
import { syncSetupIntent } from "./sync-setup-intent.ts";
import { syncSubscription } from "./sync-subscription.ts";
import type { Syncer } from "./syncer.ts";

/** How each type of Stripe's objects (its `object`) is fetched and applied. */
export const syncers: Readonly<Record<string, Syncer>> = {
  subscription: syncSubscription,
  invoice: syncInvoice,
  customer: syncCustomer,
  "checkout.session": syncCheckoutSession,
  payment_method: syncPaymentMethod,
  setup_intent: syncSetupIntent,
  charge: syncCharge,
  dispute: syncDispute,
};
