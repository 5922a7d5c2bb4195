import { expect, test } from "vitest";
import { setUp } from "./harness.ts";

/** What a browser sends: a publishable key, from another origin. */
const browser = (url: string, path: string, form: Record<string, string>) =>
  fetch(`${url}/v1/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer pk_test_x", origin: "https://shop.test" },
    body: new URLSearchParams(form),
  });

test("a page makes a card and confirms a set-up with the publishable key and the client secret", async () => {
  const { simulator, stripe } = await setUp();
  const customer = await stripe.customers.create();
  const intent = await stripe.setupIntents.create({ customer: customer.id });
  const preflight = await fetch(`${simulator.url}/v1/setup_intents/x/confirm`, {
    method: "OPTIONS",
    headers: { "access-control-request-headers": "authorization" },
  });
  expect([preflight.status, preflight.headers.get("access-control-allow-headers")]).toEqual([
    204,
    "authorization",
  ]);

  const card = {
    type: "card",
    "card[number]": "4242424242424242",
    "card[exp_month]": "12",
    "card[exp_year]": "2040",
    "card[cvc]": "123",
  };
  const made = await browser(simulator.url, "payment_methods", card);
  expect(made.headers.get("access-control-allow-origin")).toBe("*");
  const { id } = (await made.json()) as { id: string };
  const path = `setup_intents/${intent.id}/confirm`;
  expect((await browser(simulator.url, path, { payment_method: id, client_secret: "wrong" })).status).toBe(
    400,
  );
  expect((await browser(simulator.url, path, { payment_method: id })).status).toBe(403);
  const confirmed = await browser(simulator.url, path, {
    payment_method: id,
    client_secret: intent.client_secret ?? "",
  });
  expect(await confirmed.json()).toMatchObject({ status: "succeeded", payment_method: id });
  expect((await stripe.customers.listPaymentMethods(customer.id)).data[0]?.id).toBe(id);
});

test("a publishable key reads and writes nothing else", async () => {
  const { simulator } = await setUp();
  expect((await browser(simulator.url, "customers", { email: "a@b.c" })).status).toBe(403);
});

test("the stub of window.Stripe is served as a script", async () => {
  const { simulator } = await setUp();
  const answer = await fetch(`${simulator.url}/_sim/stripe.js`);
  expect(answer.headers.get("content-type")).toContain("text/javascript");
  expect(await answer.text()).toContain("window.Stripe");
});
