import Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { clientFor, createPro, refusal, setUp } from "./harness.ts";

describe("keys and versions", () => {
  test("a request without a key is 401, with any sk_test_ it is served", async () => {
    const { simulator } = await setUp();
    const bare = await fetch(`${simulator.url}/v1/customers`);
    expect(bare.status).toBe(401);
    expect(await bare.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    const live = clientFor(simulator.port);
    expect((await live.customers.list()).data).toEqual([]);
  });

  test("a live key is refused", async () => {
    const { simulator } = await setUp();
    const answer = await fetch(`${simulator.url}/v1/customers`, {
      headers: { authorization: "Bearer sk_live_abcdefgh" },
    });
    expect(answer.status).toBe(401);
  });

  test("the pinned version refuses a parameter that older versions took, no version takes it", async () => {
    const { simulator } = await setUp();
    const send = (headers: Record<string, string>) =>
      fetch(`${simulator.url}/v1/setup_intents`, {
        method: "POST",
        headers: {
          authorization: "Bearer sk_test_x",
          "content-type": "application/x-www-form-urlencoded",
          ...headers,
        },
        body: "payment_method_types[0]=card",
      });
    const strict = await send({ "stripe-version": "2026-10-28.endive" });
    expect(strict.status).toBe(400);
    expect(await strict.json()).toMatchObject({
      error: { code: "parameter_unknown", param: "payment_method_types" },
    });
    expect((await send({})).status).toBe(200);
    expect((await send({ "stripe-version": "2019-01-01" })).status).toBe(400);
  });
});

describe("errors", () => {
  test("an unknown path and a missing object are 404 in Stripe's form", async () => {
    const { simulator, stripe } = await setUp();
    const missing = await refusal(stripe.customers.retrieve("cus_nobody"));
    expect(missing).toMatchObject({ statusCode: 404, code: "resource_missing", param: "id" });
    expect(missing.requestId).toMatch(/^req_/);
    const answer = await fetch(`${simulator.url}/v1/unicorns`, {
      headers: { authorization: "Bearer sk_test_x" },
    });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  });

  test.each([
    ["an unknown parameter", { emial: "a@b.c" }, { code: "parameter_unknown", param: "emial" }],
    [
      "a nested unknown parameter",
      { invoice_settings: { colour: "red" } },
      { code: "parameter_unknown", param: "invoice_settings[colour]" },
    ],
    ["a word for a number", { balance: "much" }, { code: "parameter_invalid_integer", param: "balance" }],
    ["a fraction for an integer", { balance: 1.5 }, { code: "parameter_invalid_integer", param: "balance" }],
    ["a value outside of a list", { tax_exempt: "perhaps" }, { param: "tax_exempt" }],
    ["a text for an object", { address: "here" }, { param: "address" }],
  ])("%s is 400", async (_name, params, expected) => {
    const { stripe } = await setUp();
    expect(await refusal(stripe.customers.create(params as never))).toMatchObject({
      statusCode: 400,
      ...expected,
    });
    expect((await stripe.customers.list()).data).toEqual([]);
  });

  test("a missing parameter is named", async () => {
    const { stripe } = await setUp();
    const error = await refusal(
      stripe.prices.create({ currency: "usd", unit_amount: 1, product_data: { active: true } } as never),
    );
    expect(error).toMatchObject({ code: "parameter_missing", param: "product_data[name]" });
  });
});

describe("idempotency", () => {
  test("the same key and parameters replay the answer, others are refused", async () => {
    const { stripe } = await setUp();
    const idempotencyKey = "key-1";
    const first = await stripe.customers.create({ email: "a@b.c" }, { idempotencyKey });
    const again = await stripe.customers.create({ email: "a@b.c" }, { idempotencyKey });
    expect(again.id).toBe(first.id);
    expect(again.lastResponse.headers["idempotent-replayed"]).toBe("true");
    expect((await stripe.customers.list()).data).toHaveLength(1);
    expect(await refusal(stripe.customers.create({ email: "x@y.z" }, { idempotencyKey }))).toMatchObject({
      statusCode: 400,
      type: "StripeIdempotencyError",
    });
  });

  test("a declined payment is replayed too; a malformed request is not remembered", async () => {
    const { stripe } = await setUp();
    const pay = () =>
      refusal(
        stripe.paymentIntents.create(
          {
            amount: 500,
            currency: "usd",
            payment_method: "pm_card_chargeDeclinedProcessingError",
            confirm: true,
          },
          { idempotencyKey: "pay" },
        ),
      );
    expect((await pay()).payment_intent?.id).toBe((await pay()).payment_intent?.id);
    expect((await stripe.charges.list()).data).toHaveLength(1);
    await refusal(stripe.customers.create({ nope: 1 } as never, { idempotencyKey: "retry" }));
    expect((await stripe.customers.create({ name: "Ada" }, { idempotencyKey: "retry" })).name).toBe("Ada");
  });
});

describe("lists and expansion", () => {
  test("pages are newest first and walk both ways", async () => {
    const { stripe } = await setUp();
    const ids: string[] = [];
    for (let count = 0; count < 5; count++)
      ids.unshift((await stripe.customers.create({ name: `${count}` })).id);
    const first = await stripe.customers.list({ limit: 2 });
    expect(first).toMatchObject({ has_more: true, url: "/v1/customers" });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const next = await stripe.customers.list({ limit: 2, starting_after: ids[1]! });
    expect(next.data.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    const back = await stripe.customers.list({ limit: 2, ending_before: ids[4]! });
    expect(back.data.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    const all = await stripe.customers.list({ limit: 2 }).autoPagingToArray({ limit: 10 });
    expect(all.map(({ id }) => id)).toEqual(ids);
    expect(await refusal(stripe.customers.list({ limit: 101 }))).toMatchObject({
      statusCode: 400,
      param: "limit",
    });
  });

  test("nested paths expand, in lists behind data, and what cannot be is refused", async () => {
    const { stripe } = await setUp();
    const price = await createPro(stripe);
    const customer = await stripe.customers.create({ payment_method: "pm_card_visa", name: "Ada" });
    const [method] = (await stripe.customers.listPaymentMethods(customer.id)).data;
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: method!.id,
      expand: ["latest_invoice.payments.data.payment.payment_intent", "customer"],
    });
    const invoice = subscription.latest_invoice as Stripe.Invoice;
    expect(subscription.customer).toMatchObject({ name: "Ada" });
    expect(invoice.payments?.data[0]?.payment.payment_intent).toMatchObject({
      status: "succeeded",
      amount: 2900,
    });
    const { data } = await stripe.prices.list({ expand: ["data.product"] });
    expect(data[0]?.product).toMatchObject({ name: "Pro" });
    expect(await refusal(stripe.customers.retrieve(customer.id, { expand: ["object"] }))).toMatchObject({
      statusCode: 400,
    });
  });

  test("tiers show only when they are expanded", async () => {
    const { stripe } = await setUp();
    const meter = await stripe.billing.meters.create({
      display_name: "Events",
      event_name: "events",
      default_aggregation: { formula: "sum" },
    });
    const price = await stripe.prices.create({
      product_data: { name: "Events" },
      currency: "usd",
      billing_scheme: "tiered",
      tiers_mode: "graduated",
      recurring: { interval: "month", usage_type: "metered", meter: meter.id },
      tiers: [
        { up_to: 100_000, unit_amount: 0 },
        { up_to: "inf", unit_amount_decimal: Stripe.Decimal.from("0.05") },
      ],
    });
    expect(price.tiers).toBeUndefined();
    const shown = await stripe.prices.retrieve(price.id, { expand: ["tiers"] });
    expect(shown.tiers?.map((tier) => [tier.up_to, tier.unit_amount_decimal?.toString()])).toEqual([
      [100_000, "0"],
      [null, "0.05"],
    ]);
  });
});

test("a lookup key moves from price to price only when asked", async () => {
  const { stripe } = await setUp();
  const product = await stripe.products.create({ name: "Pro" });
  const price = { product: product.id, currency: "usd", unit_amount: 1, lookup_key: "pro" };
  const first = await stripe.prices.create(price);
  expect(await refusal(stripe.prices.create(price))).toMatchObject({ param: "lookup_key" });
  const second = await stripe.prices.create({ ...price, transfer_lookup_key: true });
  expect((await stripe.prices.list({ lookup_keys: ["pro"] })).data.map(({ id }) => id)).toEqual([second.id]);
  expect((await stripe.prices.retrieve(first.id)).lookup_key).toBeNull();
});

describe("faults", () => {
  test("429 is not retried by the package, 500 and a lost answer are, and the effect is made once", async () => {
    const { simulator, sim, stripe } = await setUp();
    await sim("POST", "/_sim/faults", { kind: "rate-limit", pathPrefix: "/v1/customers" });
    expect(await refusal(stripe.customers.create({}))).toMatchObject({
      statusCode: 429,
      type: "StripeRateLimitError",
    });
    const patient = clientFor(simulator.port, { maxNetworkRetries: 2 });
    await sim("POST", "/_sim/faults", { kind: "server-error", method: "POST", afterEffect: true });
    await sim("POST", "/_sim/faults", { kind: "time-out", method: "POST", delayMs: 50 });
    await patient.customers.create({ name: "once" });
    expect((await stripe.customers.list()).data).toHaveLength(1);
    expect((await sim("POST", "/_sim/faults", { kind: "earthquake" })).status).toBe(400);
  });
});
