import { itsObject } from "./family.ts";

/** The invoice: a draft opens the close of its period, a failed payment opens dunning, a settled one ends it. */
export const invoiceEvents = {
  "invoice.created": itsObject,
  "invoice.updated": itsObject,
  "invoice.finalized": itsObject,
  "invoice.finalization_failed": itsObject,
  "invoice.paid": itsObject,
  "invoice.payment_succeeded": itsObject,
  "invoice.payment_failed": itsObject,
  "invoice.payment_action_required": itsObject,
  "invoice.voided": itsObject,
  "invoice.marked_uncollectible": itsObject,
} as const;
