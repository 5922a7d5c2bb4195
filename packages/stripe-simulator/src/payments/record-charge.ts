import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import { declineMessage } from "./cards.ts";

type PaymentIntent = ObjectOf<"payment_intent">;
type PaymentMethod = ObjectOf<"payment_method">;

/** Stores the charge of a payment that went through (`decline` null) or was refused. */
export function recordCharge(
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
