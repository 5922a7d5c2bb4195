/** Stripe's decline codes (https://docs.stripe.com/declines/codes) in a customer's words, where there is more to say than no. */
const known: Record<string, string> = {
  authentication_required: "Your bank wants you to confirm the payment.",
  payment_intent_authentication_failure: "Your bank was not sure that it was you.",
  card_not_supported: "Your bank does not allow this kind of payment with this card.",
  card_velocity_exceeded: "The card is over its limit.",
  currency_not_supported: "The card cannot be charged in this currency.",
  expired_card: "The card has expired.",
  incorrect_cvc: "The card’s security code was not right.",
  incorrect_number: "The card’s number was not right.",
  insufficient_funds: "There was not enough money on the card’s account.",
  invalid_account: "The card, or the account behind it, is not valid any more.",
  issuer_not_available: "Your bank could not be reached.",
  no_payment_method: "There is no card on file.",
  processing_error: "Your bank had a problem of its own.",
  revocation_of_all_authorizations: "You told your bank not to let us charge this card.",
  revocation_of_authorization: "You told your bank not to let us charge this card.",
  stop_payment_order: "You told your bank not to let us charge this card.",
  transaction_not_allowed: "Your bank does not allow this kind of payment with this card.",
  try_again_later: "Your bank asked to try again later.",
  withdrawal_count_limit_exceeded: "The card is over its limit.",
};

/** Why a card was declined, as a sentence. */
export const declineWords = (declineCode: string | null): string =>
  known[declineCode ?? ""] ?? "Your bank declined it without a reason: it can tell you more.";
