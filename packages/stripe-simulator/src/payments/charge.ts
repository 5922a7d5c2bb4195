import { invalidRequest, type StripeErrorBody } from "../errors.ts";
import type { SimContext } from "../context.ts";
import { render } from "../http/render.ts";
import type { ObjectOf } from "../objects.ts";
import { attemptPayment } from "./attempt.ts";
import { newPaymentIntent } from "./payment-intents.ts";

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
  | {
      outcome: "failed";
      error: StripeErrorBody;
      paymentIntent: ObjectOf<"payment_intent">;
      charge: ObjectOf<"charge">;
    }
  | { outcome: "requires_action"; error: StripeErrorBody; paymentIntent: ObjectOf<"payment_intent"> };

/**
 * Charges a saved card without the customer, as an invoice does, and emits the payment_intent and charge events.
 * `error` is the body of the 402 that an API call which asked for this payment answers with.
 */
export function chargeOffSession(ctx: SimContext, input: ChargeInput): ChargeOutcome {
  const paymentMethod = ctx.store.getOrThrow("payment_method", input.paymentMethodId, "payment_method");
  if (paymentMethod.customer !== input.customer)
    throw invalidRequest(
      `The payment method ${paymentMethod.id} does not belong to the customer ${input.customer}. Attach it first.`,
      { param: "payment_method" },
    );
  const intent =
    input.paymentIntentId === undefined
      ? newPaymentIntent(ctx, {
          amount: input.amountMinor,
          currency: input.currency,
          customer: input.customer,
          description: input.description,
          setup_future_usage: "off_session",
          _payment: {
            invoiceId: input.invoiceId ?? null,
            isOffSession: true,
            challengedPaymentMethodId: null,
            returnUrl: null,
          },
        })
      : ctx.store.getOrThrow("payment_intent", input.paymentIntentId);
  const attempt = attemptPayment(ctx, intent, paymentMethod);
  if (attempt.outcome !== "requires_action") return attempt;
  const error: StripeErrorBody = {
    type: "card_error",
    code: "invoice_payment_intent_requires_action",
    message:
      "This payment requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with this invoice.",
    payment_intent: render(attempt.paymentIntent),
  };
  return { ...attempt, error };
}
