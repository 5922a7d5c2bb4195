import type { SimContext } from "../context.ts";
import type { StripeErrorBody } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";

export interface ChargeInput {
  customer: string;
  paymentMethodId: string;
  amountMinor: number;
  currency: string;
  invoiceId?: string;
  description: string | null;
  /** An earlier PaymentIntent of the same invoice that is tried again; without it a new one is made. */
  paymentIntentId?: string;
}

export type ChargeOutcome =
  | { outcome: "succeeded"; paymentIntent: ObjectOf<"payment_intent">; charge: ObjectOf<"charge"> }
  | { outcome: "failed"; error: StripeErrorBody; paymentIntent: ObjectOf<"payment_intent">; charge: ObjectOf<"charge"> }
  | { outcome: "requires_action"; error: StripeErrorBody; paymentIntent: ObjectOf<"payment_intent"> };

/**
 * Charges a saved card without the customer, as an invoice does, and emits the payment_intent and charge events.
 * `error` is the body of the 402 that an API call which asked for this payment answers with.
 */
export declare function chargeOffSession(ctx: SimContext, input: ChargeInput): ChargeOutcome;
