import type { SimContext } from "../context.ts";
import type { BillingSettings } from "../objects.ts";

export const defaultBillingSettings: BillingSettings = {
  id: "billing",
  afterLastRetry: "canceled",
  retryAfterTakeOver: "never",
};

/** The settings in force. */
export const billingSettings = (ctx: SimContext): BillingSettings => ({
  ...defaultBillingSettings,
  ...ctx.store.get("sim.billing_settings", "billing"),
});
