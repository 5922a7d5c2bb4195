import type { PaymentIntent, Stripe, StripeError } from "@stripe/stripe-js";

/** What became of a payment that its customer was asked to confirm. */
export type Confirmation =
  /** Stripe has the money; our own state follows with its event. */
  | { kind: "paid" }
  /** The bank takes its time. */
  | { kind: "processing" }
  /** The bank does not believe that it is the customer, or was not asked to the end: it can be tried again. */
  | { kind: "not-confirmed" }
  /** The bank knows the customer, and says no; `code` is Stripe's decline code, if any. */
  | { kind: "declined"; code: string | null }
  /** It did not come to that. `message` is Stripe's. */
  | { kind: "failed"; message: string };

interface ConfirmOptions {
  stripe: Stripe;
  clientSecret: string;
  /** Where a bank that wants the whole window comes back to. */
  returnUrl: string;
}

const unconfirmed = new Set(["payment_intent_authentication_failure", "authentication_required"]);

/**
 * Lets the bank ask its customer, where it wants to. What it was not convinced of before is asked anew, with the same
 * card. Repeating it is safe: a payment that went through is told, and not made again.
 */
export async function confirmPayment({
  stripe,
  clientSecret,
  returnUrl,
}: ConfirmOptions): Promise<Confirmation> {
  const found = await stripe.retrievePaymentIntent(clientSecret);
  const { paymentIntent: intent } = found;
  if (intent?.status === "requires_action")
    return confirmationOf(await stripe.handleNextAction({ clientSecret }));
  const cardId = intent && askableCard(intent);
  if (!cardId) return confirmationOf(found);
  const confirmParams = { payment_method: cardId, return_url: returnUrl };
  return confirmationOf(
    await stripe.confirmPayment({ clientSecret, confirmParams, redirect: "if_required" }),
  );
}

/** How a payment stands, for who comes back from a bank's own page. */
export const readConfirmation = async (stripe: Stripe, clientSecret: string): Promise<Confirmation> =>
  confirmationOf(await stripe.retrievePaymentIntent(clientSecret));

/** The card that its bank would ask about again; null where only another one helps. */
function askableCard(intent: PaymentIntent): string | null {
  const { status, payment_method: card, last_payment_error: failure } = intent;
  if (status === "requires_confirmation") return (typeof card === "string" ? card : card?.id) ?? null;
  if (status !== "requires_payment_method" || !isUnconfirmed(failure)) return null;
  return failure?.payment_method?.id ?? null;
}

const isUnconfirmed = (failure: PaymentIntent["last_payment_error"]): boolean =>
  unconfirmed.has(failure?.decline_code ?? "") || unconfirmed.has(failure?.code ?? "");

interface Answer {
  paymentIntent?: PaymentIntent | undefined;
  error?: StripeError | undefined;
}

function confirmationOf({ paymentIntent: intent, error }: Answer): Confirmation {
  if (error !== undefined) return failureOf(error);
  switch (intent?.status) {
    case "succeeded":
      return { kind: "paid" };
    case "processing":
    case "requires_capture":
      return { kind: "processing" };
    case "requires_payment_method":
      return intent.last_payment_error === null
        ? { kind: "declined", code: null }
        : failureOf(intent.last_payment_error);
    case "canceled":
      return { kind: "failed", message: "The payment was cancelled." };
    default:
      return { kind: "not-confirmed" };
  }
}

function failureOf(failure: StripeError | PaymentIntent.LastPaymentError): Confirmation {
  const { code, decline_code: declineCode, message, type } = failure;
  if (unconfirmed.has(declineCode ?? "") || unconfirmed.has(code ?? "")) return { kind: "not-confirmed" };
  if (type === "card_error") return { kind: "declined", code: declineCode ?? code ?? null };
  return { kind: "failed", message: message ?? "Stripe gave no reason." };
}
