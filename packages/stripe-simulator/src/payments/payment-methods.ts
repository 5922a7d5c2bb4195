import { createHash } from "node:crypto";
import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { cardError, invalidRequest, resourceMissing } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { cardByKey, cardByNumber, declineMessage, type TestCard } from "./cards.ts";

/** A card as a form or an API call gives it: a number with its expiry, or a token. */
export interface CardInput {
  number?: string;
  exp_month?: number;
  exp_year?: number;
  cvc?: string;
  token?: string;
}

interface NewPaymentMethod {
  card: CardInput;
  billingDetails?: Stored<Stripe.PaymentMethodCreateParams.BillingDetails>;
  metadata?: Record<string, string>;
}

/** Makes an unattached card PaymentMethod; a bad number, date or CVC is a 402 `card_error`. */
export function createCard(ctx: SimContext, input: NewPaymentMethod): ObjectOf<"payment_method"> {
  const { testCard, number, expMonth, expYear } = readCard(ctx, input.card);
  const { email = null, name = null, phone = null, tax_id = null } = input.billingDetails ?? {};
  const address = input.billingDetails?.address;
  const paymentMethod: ObjectOf<"payment_method"> = {
    id: ctx.newId("pm"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: {
      address: {
        city: null,
        country: null,
        line1: null,
        line2: null,
        postal_code: null,
        state: null,
        ...(typeof address === "object" ? address : {}),
      },
      email: email === "" ? null : email,
      name: name === "" ? null : name,
      phone: phone === "" ? null : phone,
      tax_id: tax_id ?? null,
    },
    card: {
      brand: testCard.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
      country: "US",
      display_brand: testCard.brand,
      exp_month: expMonth,
      exp_year: expYear,
      fingerprint: createHash("sha256").update(`${testCard.key}${number}`).digest("base64url").slice(0, 16),
      funding: testCard.key.endsWith("_debit") ? "debit" : "credit",
      generated_from: null,
      last4: number.slice(-4),
      networks: { available: [testCard.brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: ctx.now(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: input.metadata ?? {},
    type: "card",
    _card: { key: testCard.key, isSetUp: false, isAuthenticated: false, isDetached: false },
  };
  ctx.store.put("payment_method", paymentMethod);
  return paymentMethod;
}

function readCard(ctx: SimContext, { token, ...card }: CardInput) {
  const today = new Date(ctx.now() * 1000);
  const thisYear = today.getUTCFullYear();
  if (token !== undefined) return tokenCard(token.replace(/^(tok|pm_card)_/, ""), token, thisYear);
  const number = (card.number ?? "").replace(/[\s-]/g, "");
  if (number === "")
    throw invalidRequest("Missing required param: card[number].", {
      code: "parameter_missing",
      param: "card[number]",
    });
  if (!/^\d{12,19}$/.test(number) || !passesLuhn(number))
    throw badCard("incorrect_number", "number", "Your card number is incorrect.");
  const testCard = cardByNumber(number);
  if (testCard === undefined)
    throw cardError(declineMessage("card_declined", "test_mode_live_card"), {
      code: "card_declined",
      decline_code: "test_mode_live_card",
    });
  const { exp_month: expMonth = 0, exp_year: year = 0 } = card;
  const expYear = year < 100 ? 2000 + year : year;
  if (expMonth < 1 || expMonth > 12)
    throw badCard("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.");
  if (expYear < thisYear || expYear > thisYear + 50)
    throw badCard("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid.");
  if (expYear === thisYear && expMonth < today.getUTCMonth() + 1)
    throw badCard("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.");
  if (card.cvc !== undefined && !/^\d{3,4}$/.test(card.cvc))
    throw badCard("invalid_cvc", "cvc", "Your card's security code is invalid.");
  return { testCard, number, expMonth, expYear };
}

function tokenCard(key: string, token: string, thisYear: number) {
  const testCard = cardByKey(key);
  if (testCard === undefined) throw resourceMissing("token", token, "card[token]");
  return { testCard, number: testCard.number || "4000000000000341", expMonth: 12, expYear: thisYear + 4 };
}

/** The PaymentMethod of an id; `pm_card_…` makes a new one of that test card, as at Stripe. */
export function resolvePaymentMethod(
  ctx: SimContext,
  id: string,
  param = "payment_method",
): ObjectOf<"payment_method"> {
  if (!id.startsWith("pm_card_")) return ctx.store.getOrThrow("payment_method", id, param);
  if (cardByKey(id.slice("pm_card_".length)) === undefined) throw resourceMissing("PaymentMethod", id, param);
  return createCard(ctx, { card: { token: id } });
}

/**
 * Attaches a card to a customer. Cards that the issuer declines cannot be attached (402), except those made to decline
 * later (…0341); `param` is what names the payment method in errors.
 */
export function attachPaymentMethod(
  ctx: SimContext,
  paymentMethod: ObjectOf<"payment_method">,
  customerId: string,
): ObjectOf<"payment_method"> {
  ctx.store.getOrThrow("customer", customerId, "customer");
  if (paymentMethod.customer === customerId) return paymentMethod;
  if (paymentMethod.customer !== null)
    throw invalidRequest("The payment method you provided has already been attached to a customer.", {
      code: "payment_method_unexpected_state",
    });
  assertUsable(paymentMethod);
  const { decline, attaches } = testCardOf(paymentMethod);
  if (decline !== null && !attaches)
    throw cardError(declineMessage(decline.code, decline.declineCode), {
      code: decline.code,
      decline_code: decline.declineCode,
    });
  const attached = ctx.store.update("payment_method", paymentMethod.id, { customer: customerId });
  ctx.emit("payment_method.attached", attached);
  return attached;
}

/** Refuses a card that was detached from its customer. */
export function assertUsable(paymentMethod: ObjectOf<"payment_method">): void {
  if (paymentMethod._card.isDetached)
    throw invalidRequest(
      "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.",
      { code: "payment_method_unexpected_state", param: "payment_method" },
    );
}

/** The row of the table of test cards behind a stored card. */
export function testCardOf(paymentMethod: ObjectOf<"payment_method">): TestCard {
  const testCard = cardByKey(paymentMethod._card.key);
  if (testCard === undefined) throw new Error(`payment method ${paymentMethod.id} has an unknown card`);
  return testCard;
}

const badCard = (code: string, field: string, message: string) =>
  cardError(message, { code, param: `card[${field}]` });

function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
