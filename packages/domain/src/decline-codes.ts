/**
 * What a decline asks for: `retry` on the schedule, `new_card` (no try on this card can succeed), `authenticate` (the
 * customer confirms with the bank), `give_up` (the customer told the bank to pay us nothing more).
 */
export type DeclineAction = "retry" | "new_card" | "authenticate" | "give_up";

/**
 * By Stripe's decline_code, else its code. What is not listed is retried. Stripe's own hard declines (STRIPE.md 6) are
 * all here and none of them is `retry`.
 */
const actions: Readonly<Record<string, DeclineAction>> = {
  authentication_required: "authenticate",
  invoice_payment_intent_requires_action: "authenticate",
  payment_intent_authentication_failure: "authenticate",
  revocation_of_all_authorizations: "give_up",
  revocation_of_authorization: "give_up",
  stop_payment_order: "give_up",
  card_not_supported: "new_card",
  currency_not_supported: "new_card",
  expired_card: "new_card",
  fraudulent: "new_card",
  highest_risk_level: "new_card",
  incorrect_number: "new_card",
  invalid_account: "new_card",
  invalid_expiry_month: "new_card",
  invalid_expiry_year: "new_card",
  invalid_number: "new_card",
  lost_card: "new_card",
  merchant_blacklist: "new_card",
  new_account_information_available: "new_card",
  no_payment_method: "new_card",
  pickup_card: "new_card",
  resource_missing: "new_card",
  restricted_card: "new_card",
  stolen_card: "new_card",
  testmode_decline: "new_card",
  transaction_not_allowed: "new_card",
};

/** What follows from a decline; null is a decline without a code. */
export const declineActionOf = (declineCode: string | null): DeclineAction =>
  (declineCode === null ? undefined : actions[declineCode]) ?? "retry";
