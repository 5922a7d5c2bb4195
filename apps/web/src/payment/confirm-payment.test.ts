import type { PaymentIntent, Stripe, StripeError } from "@stripe/stripe-js";
import { expect, test } from "vitest";
import { confirmPayment, readConfirmation } from "./confirm-payment.ts";

type Answer = { paymentIntent: Partial<PaymentIntent> } | { error: Partial<StripeError> };

const clientSecret = "pi_1_secret_1";
const unconfirmed = {
  type: "card_error",
  code: "card_declined",
  decline_code: "authentication_required",
  payment_method: { id: "pm_asked" },
} as PaymentIntent.LastPaymentError;

/** Stripe.js as far as a confirmation needs it, which answers `found` at first and `then` to what it is asked to do. */
function fakeStripe(found: Answer, then?: Answer) {
  const asked: unknown[] = [];
  const act = (name: string) => async (options: object) => {
    asked.push({ [name]: options });
    return then;
  };
  const stripe = {
    retrievePaymentIntent: async () => found,
    handleNextAction: act("handleNextAction"),
    confirmPayment: act("confirmPayment"),
  } as unknown as Stripe;
  return { stripe, asked };
}

const confirm = async (found: Answer, then?: Answer) => {
  const { stripe, asked } = fakeStripe(found, then);
  const confirmation = await confirmPayment({ stripe, clientSecret, returnUrl: "https://billing.example/" });
  return { confirmation, asked };
};
const withCard = (id: string) => [
  {
    confirmPayment: {
      clientSecret,
      confirmParams: { payment_method: id, return_url: "https://billing.example/" },
      redirect: "if_required",
    },
  },
];
const paid: Answer = { paymentIntent: { status: "succeeded" } };

test("what waits for the bank is taken to it", async () => {
  expect(await confirm({ paymentIntent: { status: "requires_action" } }, paid)).toEqual({
    confirmation: { kind: "paid" },
    asked: [{ handleNextAction: { clientSecret } }],
  });
});

test("what the bank was not convinced of is asked anew, with the same card", async () => {
  const found = { status: "requires_payment_method", last_payment_error: unconfirmed } as const;
  const { confirmation, asked } = await confirm({ paymentIntent: found }, paid);
  expect([confirmation, asked]).toEqual([{ kind: "paid" }, withCard("pm_asked")]);
});

test("what was never confirmed is, with the card that it has", async () => {
  const found = { status: "requires_confirmation", payment_method: "pm_given" } as const;
  const { confirmation, asked } = await confirm({ paymentIntent: found }, paid);
  expect([confirmation, asked]).toEqual([{ kind: "paid" }, withCard("pm_given")]);
});

test.each<[string, Answer, object]>([
  ["paid meanwhile", paid, { kind: "paid" }],
  ["on its way", { paymentIntent: { status: "processing" } }, { kind: "processing" }],
  [
    "declined for another reason",
    {
      paymentIntent: {
        status: "requires_payment_method",
        last_payment_error: { type: "card_error", decline_code: "insufficient_funds" } as never,
      },
    },
    { kind: "declined", code: "insufficient_funds" },
  ],
  [
    "not found",
    { error: { type: "api_connection_error", message: "No network." } },
    { kind: "failed", message: "No network." },
  ],
])("%s: told, and nothing is asked for again", async (_name, found, told) => {
  expect(await confirm(found)).toEqual({ confirmation: told, asked: [] });
});

test("who comes back from the bank's own page is told, and nothing is asked", async () => {
  const { stripe, asked } = fakeStripe({
    paymentIntent: { status: "requires_payment_method", last_payment_error: unconfirmed },
  });
  expect([await readConfirmation(stripe, clientSecret), asked]).toEqual([{ kind: "not-confirmed" }, []]);
});
