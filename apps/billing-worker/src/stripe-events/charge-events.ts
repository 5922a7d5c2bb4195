import { itsObject } from "./family.ts";

/** Money that went back: the charge or dispute leads to its invoice. */
export const chargeEvents = {
  "charge.refunded": itsObject,
  "charge.dispute.created": itsObject,
  "charge.dispute.closed": itsObject,
} as const;
