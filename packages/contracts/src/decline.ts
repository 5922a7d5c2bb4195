// Stripe asks that customers are told no more than "declined" in these cases:
// https://docs.stripe.com/declines/codes
const confidentialDeclines = new Set([
  "fraudulent",
  "lost_card",
  "stolen_card",
  "pickup_card",
  "merchant_blacklist",
  "highest_risk_level",
]);

/** Whether only operators may see why a payment was declined. */
export const isConfidentialDecline = (declineCode: string): boolean => confidentialDeclines.has(declineCode);

/** A decline code as its customer may see it; null stays null. */
export const toldDeclineCode = (declineCode: string | null): string | null =>
  declineCode !== null && isConfidentialDecline(declineCode) ? "generic_decline" : declineCode;
