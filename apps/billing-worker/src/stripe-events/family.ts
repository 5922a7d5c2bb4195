import type { StripeHint } from "@driftlock/contracts";
import type { stripeObjects } from "@driftlock/db";

/** Which objects an event says have changed; none where it names nothing that could be ours. */
export type EventFamily = (hint: StripeHint) => stripeObjects.StripeObjectRef[];

/** The object that the event is about. */
export const itsObject: EventFamily = ({ objectId, objectType, customerId }) =>
  objectId === null || objectType === null ? [] : [{ objectId, objectType, stripeCustomerId: customerId }];

/** The customer that the event's object belongs to, or belonged to before. */
export const itsCustomer: EventFamily = ({ customerId }) =>
  customerId === null ? [] : [{ objectId: customerId, objectType: "customer", stripeCustomerId: customerId }];
