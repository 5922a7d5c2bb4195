import { z } from "zod";
import { AccountChoice } from "./account-choice.ts";

/** A plan by its id. Not an enum: a plan that does not exist is UNKNOWN_PLAN, not a malformed field. */
export const PlanChoice = z.string().min(1).max(64);

export const ReturnUrl = z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).max(2048);

/** Both URLs must have an allowed origin; without them one comes back to the front end. */
export const CheckoutBody = z.strictObject({
  ...AccountChoice.shape,
  planId: PlanChoice,
  successUrl: ReturnUrl.optional(),
  cancelUrl: ReturnUrl.optional(),
});
export type CheckoutBody = z.infer<typeof CheckoutBody>;

export const CheckoutDto = z.object({ sessionId: z.string(), url: z.string() }).meta({ id: "Checkout" });
export type CheckoutDto = z.infer<typeof CheckoutDto>;

export const PortalBody = z.strictObject({ ...AccountChoice.shape, returnUrl: ReturnUrl.optional() });
export type PortalBody = z.infer<typeof PortalBody>;

export const PortalDto = z.object({ url: z.string() }).meta({ id: "Portal" });
export type PortalDto = z.infer<typeof PortalDto>;

export const PaymentMethodBody = z.strictObject(AccountChoice.shape);

/** `clientSecret` of a SetupIntent, for Stripe Elements in the customer's browser. */
export const PaymentMethodDto = z
  .object({ setupIntentId: z.string(), clientSecret: z.string() })
  .meta({ id: "PaymentMethodSetup" });
export type PaymentMethodDto = z.infer<typeof PaymentMethodDto>;
