import { settleInvoicePayment } from "../billing/settle.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import { attemptPayment, declinePayment } from "./attempt.ts";
import { confirmSetup, failSetup } from "./setup-intents.ts";

const REFUSED = { code: "authentication_required", declineCode: "authentication_required" };

/**
 * Ends the bank's challenge of a PaymentIntent or SetupIntent: passed, the payment or set-up goes on (and may still be
 * declined); failed, the intent needs another payment method. Returns where to send the customer, if anywhere.
 */
export function finishChallenge(
  ctx: SimContext,
  intentId: string,
  isPassed: boolean,
): { returnUrl: string | null } {
  return intentId.startsWith("seti_")
    ? finishSetup(ctx, intentId, isPassed)
    : finishPayment(ctx, intentId, isPassed);
}

function finishPayment(ctx: SimContext, id: string, isPassed: boolean): { returnUrl: string | null } {
  const intent = ctx.store.getOrThrow("payment_intent", id);
  const { challengedPaymentMethodId, invoiceId, returnUrl } = intent._payment;
  if (intent.status !== "requires_action" || challengedPaymentMethodId === null)
    throw invalidRequest("This payment does not wait for authentication.", {
      code: "payment_intent_unexpected_state",
    });
  const method = ctx.store.getOrThrow("payment_method", challengedPaymentMethodId);
  const { paymentIntent } = isPassed
    ? attemptPayment(ctx, intent, passed(ctx, method.id))
    : declinePayment(ctx, intent, method, { ...REFUSED, code: "payment_intent_authentication_failure" });
  if (invoiceId !== null) settleInvoicePayment(ctx, paymentIntent);
  return {
    returnUrl: withParams(returnUrl, {
      payment_intent: id,
      payment_intent_client_secret: intent.client_secret,
    }),
  };
}

function finishSetup(ctx: SimContext, id: string, isPassed: boolean): { returnUrl: string | null } {
  const intent = ctx.store.getOrThrow("setup_intent", id);
  const methodId = intent._challengedPaymentMethodId;
  if (intent.status !== "requires_action" || methodId === null)
    throw invalidRequest("This set-up does not wait for authentication.", {
      code: "setup_intent_unexpected_state",
    });
  try {
    if (isPassed) confirmSetup(ctx, intent, passed(ctx, methodId));
    else
      failSetup(ctx, intent, ctx.store.getOrThrow("payment_method", methodId), {
        ...REFUSED,
        code: "setup_intent_authentication_failure",
      });
  } catch (error) {
    // A decline is recorded on the intent, where the page that started it looks.
    if (!(error instanceof StripeError) || error.body.type !== "card_error") throw error;
  }
  return {
    returnUrl: withParams(intent._returnUrl, {
      setup_intent: id,
      setup_intent_client_secret: intent.client_secret,
    }),
  };
}

/** Marks a card as having passed the bank's challenge just now, for the next payment only. */
export function passed(ctx: SimContext, paymentMethodId: string) {
  const method = ctx.store.getOrThrow("payment_method", paymentMethodId);
  return ctx.store.update("payment_method", method.id, { _card: { ...method._card, isAuthenticated: true } });
}

function withParams(url: string | null, params: Record<string, string | null>): string | null {
  if (url === null) return null;
  const target = new URL(url);
  for (const [key, value] of Object.entries(params)) if (value !== null) target.searchParams.set(key, value);
  return target.href;
}
