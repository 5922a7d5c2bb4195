import { describe, expect, test } from "vitest";
import { refusal, setUp } from "./harness.ts";

const card = (number: string) => ({
  type: "card" as const,
  card: { number, exp_month: 12, exp_year: 2040, cvc: "123" },
});

describe("making and attaching cards", () => {
  test.each([
    ["4242424242424242", "visa", "4242"],
    ["5555555555554444", "mastercard", "4444"],
    ["378282246310005", "amex", "0005"],
  ])("%s is a card that works", async (number, brand, last4) => {
    const { stripe } = await setUp();
    const customer = await stripe.customers.create();
    const method = await stripe.paymentMethods.create(card(number));
    const attached = await stripe.paymentMethods.attach(method.id, { customer: customer.id });
    expect(attached).toMatchObject({
      customer: customer.id,
      card: { brand, last4, exp_month: 12, exp_year: 2040 },
    });
  });

  test.each([
    [{ number: "4242424242424241" }, "incorrect_number"],
    [{ number: "4000000000000010" }, "card_declined"],
    [{ exp_month: 13 }, "invalid_expiry_month"],
    [{ exp_year: 2001 }, "invalid_expiry_year"],
    [{ cvc: "1" }, "invalid_cvc"],
  ])("%j is refused with %s", async (over, code) => {
    const { stripe } = await setUp();
    const params = card("4242424242424242");
    const error = await refusal(
      stripe.paymentMethods.create({ ...params, card: { ...params.card, ...over } }),
    );
    expect(error).toMatchObject({ statusCode: 402, code });
  });

  test.each([
    ["pm_card_visa_chargeDeclined", "card_declined", "generic_decline"],
    ["pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"],
    ["pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"],
    ["pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"],
    ["pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"],
    ["pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"],
    ["pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"],
    ["pm_card_radarBlock", "card_declined", "fraudulent"],
  ])("%s cannot be attached, nor charged", async (token, code, declineCode) => {
    const { stripe } = await setUp();
    const customer = await stripe.customers.create();
    const expected = { statusCode: 402, type: "StripeCardError", code, decline_code: declineCode };
    expect(await refusal(stripe.paymentMethods.attach(token, { customer: customer.id }))).toMatchObject(
      expected,
    );
    const error = await refusal(
      stripe.paymentIntents.create({ amount: 500, currency: "usd", payment_method: token, confirm: true }),
    );
    expect(error).toMatchObject({ ...expected, payment_intent: { status: "requires_payment_method" } });
    expect((await stripe.charges.list()).data[0]).toMatchObject({ status: "failed", failure_code: code });
  });

  test("…0341 attaches, then declines", async () => {
    const { stripe } = await setUp();
    const customer = await stripe.customers.create();
    const method = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
      customer: customer.id,
    });
    const error = await refusal(
      stripe.paymentIntents.create({
        amount: 500,
        currency: "usd",
        customer: customer.id,
        payment_method: method.id,
        confirm: true,
        off_session: true,
      }),
    );
    expect(error).toMatchObject({ code: "card_declined", decline_code: "generic_decline" });
  });

  test("a detached card is no default any longer and can never be used again", async () => {
    const { stripe } = await setUp();
    const customer = await stripe.customers.create({ payment_method: "pm_card_visa" });
    const [method] = (await stripe.paymentMethods.list({ customer: customer.id, type: "card" })).data;
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method!.id } });
    await stripe.paymentMethods.detach(method!.id);
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({
      invoice_settings: { default_payment_method: null },
    });
    expect(await refusal(stripe.paymentMethods.attach(method!.id, { customer: customer.id }))).toMatchObject({
      statusCode: 400,
    });
    const [event] = (await stripe.events.list({ type: "payment_method.detached" })).data;
    expect(event?.data.previous_attributes).toEqual({ customer: customer.id });
  });
});

describe("3D Secure", () => {
  const pass = (url: string, result: "pass" | "fail") =>
    fetch(url, { method: "POST", body: new URLSearchParams({ result }), redirect: "manual" });

  test("a set-up waits for the challenge and succeeds after it; the card is then good off session", async () => {
    const { stripe } = await setUp();
    const customer = await stripe.customers.create();
    const intent = await stripe.setupIntents.create({
      customer: customer.id,
      payment_method: "pm_card_authenticationRequiredOnSetup",
      confirm: true,
      return_url: "https://shop.test/back",
    });
    expect(intent).toMatchObject({ status: "requires_action", next_action: { type: "redirect_to_url" } });
    const answer = await pass(intent.next_action?.redirect_to_url?.url ?? "", "pass");
    expect(answer.headers.get("location")).toContain(`https://shop.test/back?setup_intent=${intent.id}`);
    const done = await stripe.setupIntents.retrieve(intent.id, { expand: ["payment_method"] });
    expect(done).toMatchObject({ status: "succeeded", payment_method: { customer: customer.id } });
    const method = (done.payment_method as { id: string }).id;
    const payment = {
      amount: 500,
      currency: "usd",
      customer: customer.id,
      payment_method: method,
      confirm: true,
      off_session: true,
    };
    expect((await stripe.paymentIntents.create(payment)).status).toBe("succeeded");
  });

  test("a card that always asks is declined off session, and a failed challenge needs another card", async () => {
    const { stripe } = await setUp();
    const params = {
      amount: 500,
      currency: "usd",
      payment_method: "pm_card_authenticationRequired",
      confirm: true,
    };
    expect(await refusal(stripe.paymentIntents.create({ ...params, off_session: true }))).toMatchObject({
      code: "authentication_required",
      decline_code: "authentication_required",
    });
    const intent = await stripe.paymentIntents.create(params);
    await pass(intent.next_action?.redirect_to_url?.url ?? "", "fail");
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: "requires_payment_method",
      last_payment_error: { code: "payment_intent_authentication_failure" },
    });
  });

  test("a card may be declined after its challenge was passed", async () => {
    const { stripe } = await setUp();
    const intent = await stripe.paymentIntents.create({
      amount: 500,
      currency: "usd",
      payment_method: "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
      confirm: true,
    });
    await pass(intent.next_action?.redirect_to_url?.url ?? "", "pass");
    expect((await stripe.paymentIntents.retrieve(intent.id)).last_payment_error).toMatchObject({
      decline_code: "insufficient_funds",
    });
  });
});

test("a refund takes what is left and no more", async () => {
  const { stripe } = await setUp();
  const intent = await stripe.paymentIntents.create({
    amount: 900,
    currency: "usd",
    payment_method: "pm_card_visa",
    confirm: true,
  });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 400 });
  expect(await refusal(stripe.refunds.create({ payment_intent: intent.id, amount: 501 }))).toMatchObject({
    param: "amount",
  });
  await stripe.refunds.create({ payment_intent: intent.id });
  expect(await stripe.charges.retrieve(intent.latest_charge as string)).toMatchObject({
    amount_refunded: 900,
    refunded: true,
  });
  expect(await refusal(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
    code: "charge_already_refunded",
  });
});
