import { type HandledStripeEventType, handledStripeEventTypes, type StripeHint } from "@driftlock/contracts";
import { chargeEvents } from "./charge-events.ts";
import { checkoutSessionEvents } from "./checkout-session-events.ts";
import { customerEvents } from "./customer-events.ts";
import type { EventFamily } from "./family.ts";
import { invoiceEvents } from "./invoice-events.ts";
import { paymentMethodEvents } from "./payment-method-events.ts";
import { subscriptionEvents } from "./subscription-events.ts";

/** What each type of event says has changed; what is then done with the object is in `sync/`. */
const families: Readonly<Record<HandledStripeEventType, EventFamily>> = {
  ...subscriptionEvents,
  ...invoiceEvents,
  ...checkoutSessionEvents,
  ...paymentMethodEvents,
  ...customerEvents,
  ...chargeEvents,
};

/** The family of a snapshot event; null for a type that is not acted upon. */
export function familyOf({ kind, type }: StripeHint): EventFamily | null {
  const handled = handledStripeEventTypes.find((known) => known === type);
  return kind === "snapshot" && handled !== undefined ? families[handled] : null;
}
