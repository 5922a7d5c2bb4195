/** When a card's bank wants to see the customer. */
type Authentication = "never" | "always" | "unless-set-up" | "unless-off-session";

export interface TestCard {
  key: string;
  number: string;
  brand: "visa" | "mastercard" | "amex" | "discover" | "diners" | "jcb" | "unionpay";
  /** Why a charge (and, unless it `attaches`, an attachment) is refused; null is a card that works. */
  decline: { code: string; declineCode: string } | null;
  attaches: boolean;
  authentication: Authentication;
  refund: "succeeds" | "pending" | "fails";
}

const card = (key: string, number: string, over: Partial<TestCard> = {}): TestCard => ({
  key,
  number,
  brand: "visa",
  decline: null,
  attaches: over.decline === undefined || over.decline === null,
  authentication: "never",
  refund: "succeeds",
  ...over,
});

const declines = (code: string, declineCode = code) => ({ decline: { code, declineCode } });

/** Stripe's test cards (docs.stripe.com/testing): `key` is what follows `pm_card_`. */
const TEST_CARDS: readonly TestCard[] = [
  card("visa", "4242424242424242"),
  card("visa_debit", "4000056655665556"),
  card("mastercard", "5555555555554444", { brand: "mastercard" }),
  card("mastercard_debit", "5200828282828210", { brand: "mastercard" }),
  card("amex", "378282246310005", { brand: "amex" }),
  card("discover", "6011111111111117", { brand: "discover" }),
  card("diners", "3056930009020004", { brand: "diners" }),
  card("jcb", "3566002020360505", { brand: "jcb" }),
  card("unionpay", "6200000000000005", { brand: "unionpay" }),
  card("visa_chargeDeclined", "4000000000000002", declines("card_declined", "generic_decline")),
  card(
    "visa_chargeDeclinedInsufficientFunds",
    "4000000000009995",
    declines("card_declined", "insufficient_funds"),
  ),
  card("visa_chargeDeclinedLostCard", "4000000000009987", declines("card_declined", "lost_card")),
  card("visa_chargeDeclinedStolenCard", "4000000000009979", declines("card_declined", "stolen_card")),
  card(
    "visa_chargeDeclinedVelocityLimitExceeded",
    "4000000000006975",
    declines("card_declined", "card_velocity_exceeded"),
  ),
  card("chargeDeclinedExpiredCard", "4000000000000069", declines("expired_card")),
  card("chargeDeclinedIncorrectCvc", "4000000000000127", declines("incorrect_cvc")),
  card("chargeDeclinedProcessingError", "4000000000000119", declines("processing_error")),
  card("chargeDeclinedFraudulent", "4100000000000019", declines("card_declined", "fraudulent")),
  card("chargeCustomerFail", "4000000000000341", {
    ...declines("card_declined", "generic_decline"),
    attaches: true,
  }),
  card("authenticationRequiredOnSetup", "4000002500003155", { authentication: "unless-set-up" }),
  card("authenticationRequired", "4000002760003184", { authentication: "always" }),
  card("authenticationRequiredSetupForOffSession", "4000003800000446", {
    authentication: "unless-off-session",
  }),
  card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", {
    ...declines("card_declined", "insufficient_funds"),
    attaches: true,
    authentication: "always",
  }),
  card("threeDSecure2Required", "4000000000003220", { authentication: "always" }),
  card("threeDSecureRequiredChargeDeclined", "4000008400001629", {
    ...declines("card_declined", "generic_decline"),
    attaches: true,
    authentication: "always",
  }),
  card("threeDSecureOptional", "4000000000003055"),
  card("riskLevelHighest", "4000000000004954", declines("card_declined", "fraudulent")),
  card("riskLevelElevated", "4000000000009235"),
  card("pendingRefund", "4000000000007726", { refund: "pending" }),
  card("refundFail", "4000000000005126", { refund: "fails" }),
  card("createDispute", "4000000000000259"),
  // Attach, then decline for good: Stripe has them as tok_visa_chargeCustomerFail… only.
  card("visa_chargeCustomerFailLostCard", "", { ...declines("card_declined", "lost_card"), attaches: true }),
  card("visa_chargeCustomerFailStolenCard", "", {
    ...declines("card_declined", "stolen_card"),
    attaches: true,
  }),
];

const ALIASES: Record<string, string> = {
  radarBlock: "chargeDeclinedFraudulent",
  threeDSecureRequired: "threeDSecure2Required",
  chargeDeclined: "visa_chargeDeclined",
  chargeDeclinedInsufficientFunds: "visa_chargeDeclinedInsufficientFunds",
  chargeDeclinedLostCard: "visa_chargeDeclinedLostCard",
  chargeDeclinedStolenCard: "visa_chargeDeclinedStolenCard",
  visa_chargeCustomerFail: "chargeCustomerFail",
};

const byKey = new Map(TEST_CARDS.map((each) => [each.key, each]));
const byNumber = new Map(TEST_CARDS.filter((each) => each.number !== "").map((each) => [each.number, each]));

/** The test card of `pm_card_<key>` or `tok_<key>`. */
export const cardByKey = (key: string): TestCard | undefined => byKey.get(ALIASES[key] ?? key);

/** The test card with this number (digits only). */
export const cardByNumber = (digits: string): TestCard | undefined => byNumber.get(digits);

const MESSAGES: Record<string, string> = {
  card_declined: "Your card was declined.",
  insufficient_funds: "Your card has insufficient funds.",
  card_velocity_exceeded:
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
  expired_card: "Your card has expired.",
  incorrect_cvc: "Your card's security code is incorrect.",
  incorrect_number: "Your card number is incorrect.",
  processing_error: "An error occurred while processing your card. Try again in a little bit.",
  authentication_required: "Your card was declined. This transaction requires authentication.",
  test_mode_live_card:
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing.",
};

/** What Stripe says to the cardholder for a decline. */
export const declineMessage = (code: string, declineCode: string): string =>
  MESSAGES[declineCode] ?? MESSAGES[code] ?? "Your card was declined.";
