import { type EventFamily, itsCustomer, itsObject } from "./family.ts";

/** A card that is new: it may be what open invoices wait for. */
const newCard: EventFamily = (hint) => [...itsObject(hint), ...itsCustomer(hint)];

/** Cards are mirrored with their customer; a detached one names it only in the event's previous attributes. */
export const paymentMethodEvents = {
  "setup_intent.succeeded": newCard,
  "setup_intent.setup_failed": itsObject,
  "payment_method.attached": newCard,
  "payment_method.updated": itsCustomer,
  "payment_method.automatically_updated": itsCustomer,
  "payment_method.detached": itsCustomer,
} as const;
