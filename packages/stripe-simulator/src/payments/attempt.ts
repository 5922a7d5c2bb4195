import type { SimContext } from "../context.ts";
import type { StripeErrorBody } from "../errors.ts";
import { render } from "../http/render.ts";
import type { ObjectOf } from "../objects.ts";
import { declineMessage } from "./cards.ts";
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

function recordCharge(
  ctx: SimContext,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  decline: { code: string; declineCode: string } | null,
): ObjectOf<"charge"> {
  const isPaid = decline === null;
  const card = paymentMethod.card;
  const id = ctx.newId("ch");
  const charge: ObjectOf<"charge"> = {
    id,
    object: "charge",
    amount: intent.amount,
    amount_captured: isPaid ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: paymentMethod.billing_details,
    calculated_statement_descriptor: "DRIFTLOCK",
    captured: isPaid,
    created: ctx.now(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline === null ? null : declineMessage(decline.code, decline.declineCode),
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: isPaid,
    payment_intent: intent.id,
    payment_method: paymentMethod.id,
    payment_method_details:
      card === undefined
        ? null
        : {
            type: "card",
            card: {
              amount_authorized: isPaid ? intent.amount : null,
              authorization_code: isPaid ? "123456" : null,
              brand: card.brand,
              checks: card.checks,
              country: card.country,
              electronic_commerce_indicator: null,
              exp_month: card.exp_month,
              exp_year: card.exp_year,
              fingerprint: card.fingerprint ?? null,
              funding: card.funding,
              installments: null,
              last4: card.last4,
              mandate: null,
              network: card.brand,
              network_transaction_id: null,
              regulated_status: "unregulated",
              three_d_secure: null,
              transaction_link_id: null,
              wallet: null,
            },
          },
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: isPaid ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  };
  ctx.store.put("charge", charge);
  return charge;
}

const outcomeOf = (decline: { code: string; declineCode: string } | null): ObjectOf<"charge">["outcome"] => ({
  advice_code: null,
  network_advice_code: null,
  network_decline_code: decline === null ? null : "01",
  network_status: decline === null ? "approved_by_network" : "declined_by_network",
  reason: decline?.declineCode ?? null,
  risk_level: "normal",
  risk_score: 7,
  seller_message:
    decline === null ? "Payment complete." : "The bank did not return any further details with this decline.",
  type: decline === null ? "authorized" : "issuer_declined",
});
