import { billingIncludes } from "../billing/includes.ts";
import { chargeIncludes } from "../routes/charges.ts";
import { checkoutIncludes } from "../routes/checkout-sessions.ts";
import { customerIncludes } from "../routes/customers.ts";
import { priceIncludes } from "../routes/prices.ts";
import type { Includes } from "./expand.ts";

/** Every field that is only included when expanded. */
export const includes: Includes = {
  ...billingIncludes,
  ...chargeIncludes,
  ...checkoutIncludes,
  ...customerIncludes,
  ...priceIncludes,
};
