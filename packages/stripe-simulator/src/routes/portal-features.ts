import type Stripe from "stripe";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { orNull } from "./filters.ts";

type Features = ObjectOf<"billing_portal.configuration">["features"];
type Given = NonNullable<Stored<Stripe.BillingPortal.ConfigurationUpdateParams>["features"]>;

/** What Stripe's portal offers unless it is told otherwise. */
export const DEFAULT_FEATURES: Features = {
  customer_update: { allowed_updates: [], enabled: false },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true, payment_method_configuration: null },
  subscription_cancel: {
    cancellation_reason: { enabled: false, feedback_options: null, options: [] },
    enabled: true,
    mode: "at_period_end",
    proration_behavior: "none",
  },
  subscription_pause: { duration: { interval_options: [], type: "indefinite" }, enabled: false },
  subscription_update: {
    billing_cycle_anchor: null,
    default_allowed_updates: [],
    enabled: false,
    products: null,
    proration_behavior: "none",
    schedule_at_period_end: { conditions: [] },
    trial_update_behavior: "end_trial",
  },
};

/** What is given of the features that the portal page has; the rest stays as it was. */
export function readFeatures(given: Given | undefined, before: Features): Features {
  const { subscription_cancel: cancel } = given ?? {};
  return {
    ...before,
    customer_update: {
      enabled: given?.customer_update?.enabled ?? before.customer_update.enabled,
      allowed_updates:
        orNull(given?.customer_update?.allowed_updates ?? before.customer_update.allowed_updates) ?? [],
    },
    invoice_history: { enabled: given?.invoice_history?.enabled ?? before.invoice_history.enabled },
    payment_method_update: {
      ...before.payment_method_update,
      enabled: given?.payment_method_update?.enabled ?? before.payment_method_update.enabled,
    },
    subscription_cancel: {
      ...before.subscription_cancel,
      enabled: cancel?.enabled ?? before.subscription_cancel.enabled,
      mode: cancel?.mode ?? before.subscription_cancel.mode,
    },
    subscription_pause: {
      ...before.subscription_pause,
      enabled: given?.subscription_pause?.enabled ?? before.subscription_pause.enabled,
    },
    subscription_update: readUpdate(given?.subscription_update, before.subscription_update),
  };
}

function readUpdate(
  given: Given["subscription_update"],
  before: Features["subscription_update"],
): Features["subscription_update"] {
  const { enabled, products, proration_behavior: proration, default_allowed_updates: updates } = given ?? {};
  return {
    ...before,
    enabled: enabled ?? before.enabled,
    proration_behavior: proration ?? before.proration_behavior,
    default_allowed_updates: orNull(updates ?? before.default_allowed_updates) ?? [],
    ...(products === undefined
      ? {}
      : {
          products: (orNull(products) ?? []).map(({ prices, product }) => ({
            adjustable_quantity: { enabled: false, maximum: null, minimum: 1 },
            prices,
            product,
          })),
        }),
  };
}
