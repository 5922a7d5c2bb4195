import type { SimContext } from "../context.ts";
import type { StripeErrorBody } from "../errors.ts";
import { render } from "../http/render.ts";
import type { ObjectOf } from "../objects.ts";
import { declineMessage } from "./cards.ts";
import { openDispute } from "./disputes.ts";
import { recordCharge } from "./record-charge.ts";
import { assertUsable, testCardOf } from "./payment-methods.ts";

type PaymentIntent = ObjectOf<"payment_intent">;
type PaymentMethod = ObjectOf<"payment_method">;

export type AttemptOutcome =
  | { outcome: "succeeded"; paymentIntent: PaymentIntent; charge: ObjectOf<"charge"> }
  | { outcome: "failed"; error: StripeErrorBody; paymentIntent: PaymentIntent; charge: ObjectOf<"charge"> }
  | { outcome: "requires_action"; paymentIntent: PaymentIntent };

/** Whether the card's bank wants to see the customer before this payment (or, without an intent, this set-up). */
export function needsChallenge(paymentMethod: PaymentMethod, isOffSession: boolean): boolean {
  const { isAuthenticated, isSetUp } = paymentMethod._card;
  if (isAuthenticated) return false;
  switch (testCardOf(paymentMethod).authentication) {
    case "never":
      return false;
    case "always":
      return true;
    case "unless-set-up":
      return !isSetUp;
    case "unless-off-session":
      return !(isOffSession && isSetUp);
  }
}

/**
 * Tries to take a PaymentIntent's amount from a card: succeeds, fails with the card's decline, or asks for the bank's
 * challenge. Stores the result and emits its events.
 */
export function attemptPayment(
  ctx: SimContext,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
): AttemptOutcome {
  assertUsable(paymentMethod);
  if (needsChallenge(paymentMethod, intent._payment.isOffSession))
    return askForChallenge(ctx, intent, paymentMethod);
  const card = { ...paymentMethod._card, isAuthenticated: false };
  const decline = declineOf(ctx, paymentMethod);
  if (decline !== null) {
    ctx.store.update("payment_method", paymentMethod.id, { _card: card });
    return declinePayment(ctx, intent, paymentMethod, decline);
  }
  const isSetUp = card.isSetUp || intent.setup_future_usage !== null;
  ctx.store.update("payment_method", paymentMethod.id, { _card: { ...card, isSetUp } });
  const charge = recordCharge(ctx, intent, paymentMethod, null);
  const paymentIntent = ctx.store.update("payment_intent", intent.id, {
    amount_received: intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
    next_action: null,
    payment_method: paymentMethod.id,
    status: "succeeded",
  });
  ctx.emit("charge.succeeded", charge);
  ctx.emit("payment_intent.succeeded", paymentIntent);
  if (paymentMethod._card.key === "createDispute") openDispute(ctx, charge);
  return { outcome: "succeeded", paymentIntent, charge };
}

/** Fails a PaymentIntent with the given decline, as the bank or a failed challenge does. */
export function declinePayment(
  ctx: SimContext,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  decline: { code: string; declineCode: string },
): AttemptOutcome & { outcome: "failed" } {
  const charge = recordCharge(ctx, intent, paymentMethod, decline);
  const error = {
    type: "card_error" as const,
    code: decline.code,
    decline_code: decline.declineCode,
    message: declineMessage(decline.code, decline.declineCode),
    charge: charge.id,
  };
  const shownMethod = ctx.store.getOrThrow("payment_method", paymentMethod.id);
  const paymentIntent = ctx.store.update("payment_intent", intent.id, {
    latest_charge: charge.id,
    last_payment_error: { ...error, payment_method: shownMethod },
    next_action: null,
    payment_method: null,
    status: "requires_payment_method",
    _payment: { ...intent._payment, challengedPaymentMethodId: null },
  });
  ctx.emit("charge.failed", charge);
  ctx.emit("payment_intent.payment_failed", paymentIntent);
  return {
    outcome: "failed",
    error: { ...error, payment_intent: render(paymentIntent), payment_method: render(shownMethod) },
    paymentIntent,
    charge,
  };
}

function askForChallenge(
  ctx: SimContext,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
): AttemptOutcome {
  const url = `${ctx.baseUrl}/_sim/3ds/${intent.id}`;
  const paymentIntent = ctx.store.update("payment_intent", intent.id, {
    status: "requires_action",
    payment_method: paymentMethod.id,
    next_action: { type: "redirect_to_url", redirect_to_url: { return_url: intent._payment.returnUrl, url } },
    _payment: { ...intent._payment, challengedPaymentMethodId: paymentMethod.id },
  });
  ctx.emit("payment_intent.requires_action", paymentIntent);
  return { outcome: "requires_action", paymentIntent };
}

function declineOf(
  ctx: SimContext,
  paymentMethod: PaymentMethod,
): { code: string; declineCode: string } | null {
  const { decline } = testCardOf(paymentMethod);
  if (decline !== null) return decline;
  const { exp_month = 12, exp_year = 9999 } = paymentMethod.card ?? {};
  const expiredAt = Date.UTC(exp_year, exp_month, 1) / 1000;
  return ctx.now() >= expiredAt ? { code: "expired_card", declineCode: "expired_card" } : null;
}
