import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startSimulator } from "@driftlock/stripe-simulator";
import { expect, onTestFinished, test } from "vitest";
import {
  createStripe,
  declineOf,
  isDuplicateMeterEvent,
  isResourceMissing,
  stripeCall,
  unitAmountDecimal,
  verifyStripeAccount,
} from "../src/index.ts";

const silent = { info() {}, warn() {}, error() {} };
const secretKey = "sk_test_client";

async function open({ maxNetworkRetries = 0 } = {}) {
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath: null,
    log: silent,
    wallNow: () => new Date(),
  });
  onTestFinished(() => simulator.close());
  const warnings: object[] = [];
  const log = { warn: (fields: object) => void warnings.push(fields) };
  const stripe = createStripe({ secretKey, apiUrl: simulator.url, log, maxNetworkRetries });
  const addFault = (fault: object) =>
    fetch(`${simulator.url}/_sim/faults`, { method: "POST", body: JSON.stringify(fault) });
  return { stripe, addFault, warnings, simulatorUrl: simulator.url };
}

/** A server that answers every request the same way. */
async function openAnswering(status: number, body: string) {
  const server = createServer((_request, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createStripe({ secretKey, apiUrl, maxNetworkRetries: 0 });
}

test("a rate limit is waited out, under the same idempotency key", async () => {
  const { stripe, addFault, warnings } = await open();
  await addFault({ kind: "rate-limit", count: 2 });
  const customer = await stripe.customers.create({ name: "A" });
  expect(customer.id).toMatch(/^cus_/);
  expect(warnings).toHaveLength(2);
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a client that only reads sends no write: not of the API, not of its newer part, not once", async () => {
  const sent: string[] = [];
  const server = createServer((request, response) => {
    sent.push(`${request.method} ${request.url?.split("?")[0]}`);
    response.writeHead(200, { "content-type": "application/json" }).end('{"object":"list","data":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stripe = createStripe({ secretKey, apiUrl, maxNetworkRetries: 3, isReadOnly: true });
  await stripe.customers.list();
  const writes = [
    () => stripe.customers.create({ name: "A" }),
    () => stripe.subscriptions.cancel("sub_1"),
    () => stripe.invoices.pay("in_1"),
    () => stripe.billing.meterEvents.create({ event_name: "e", payload: {} }),
    () => stripe.v2.core.eventDestinations.enable("ed_1"),
    () => stripe.rawRequest("DELETE", "/v1/customers/cus_1"),
  ];
  for (const write of writes)
    await expect(write()).rejects.toMatchObject({
      statusCode: 403,
      code: "read_only_client",
      message: expect.stringMatching(/^this client only reads: (POST|DELETE) \/v\d\//),
    });
  expect(sent).toEqual(["GET /v1/customers"]);
});

test("reads wait in shared buckets, a 429 holds all of them back, and where nobody can be asked the process has its own", async () => {
  const { simulatorUrl, addFault } = await open();
  const calls: unknown[][] = [];
  const connect = (note: (...call: unknown[]) => void) =>
    createStripe({
      secretKey,
      apiUrl: simulatorUrl,
      maxNetworkRetries: 0,
      shareBuckets: ({ ratePerSecond, burst }) => ({
        take: async (key) => note("take", key, ratePerSecond + burst),
        pause: async (key, forMs) => note("pause", key, forMs > 0),
      }),
    });
  const stripe = connect((...call) => void calls.push(call));
  const { id } = await stripe.customers.create({ name: "A" });
  await addFault({ kind: "rate-limit", count: 1 });
  await stripe.customers.listPaymentMethods(id);
  const take = ["take", "/v1/customers", 25];
  expect(calls).toEqual([take, ["pause", "/v1/customers", true], take]);
  const alone = connect(() => {
    throw new Error("away");
  });
  expect((await alone.customers.retrieve(id)).id).toBe(id);
});

test("a status outside of 2xx is an error whatever the body says", async () => {
  for (const [status, body] of [
    [502, "<html>"],
    [404, "{}"],
    [302, '{"id":"cus_1"}'],
  ] as const) {
    const stripe = await openAnswering(status, body);
    await expect(stripe.customers.retrieve("cus_1")).rejects.toThrow(`Stripe answered ${status}`);
  }
});

test("errors of Stripe become ours", async () => {
  const { stripe, addFault } = await open();
  const missing = await stripeCall(() => stripe.customers.retrieve("cus_none")).catch(
    (error: unknown) => error,
  );
  expect(missing).toMatchObject({ code: "NOT_FOUND" });
  expect(isResourceMissing(missing)).toBe(true);
  await addFault({ kind: "server-error", count: 1 });
  await expect(stripeCall(() => stripe.customers.list())).rejects.toMatchObject({
    code: "STRIPE_UNAVAILABLE",
  });
  await expect(
    stripeCall(() => stripe.customers.create({ email: 1 as never, foo: 1 } as never)),
  ).rejects.toMatchObject({
    code: "INTERNAL",
  });
  const gone = createStripe({ secretKey, apiUrl: "http://127.0.0.1:1", maxNetworkRetries: 0 });
  await expect(stripeCall(() => gone.customers.list())).rejects.toMatchObject({ code: "STRIPE_UNAVAILABLE" });
});

test.each([
  [
    "pm_card_visa_chargeDeclinedInsufficientFunds",
    "PAYMENT_FAILED",
    "insufficient_funds",
    "insufficient_funds",
  ],
  ["pm_card_visa_chargeDeclinedStolenCard", "PAYMENT_FAILED", "stolen_card", "generic_decline"],
  ["pm_card_chargeDeclinedExpiredCard", "CARD_EXPIRED", "expired_card", "expired_card"],
])(
  "the decline of %s is known in full to us, and to the caller as far as Stripe allows",
  async (card, code, known, told) => {
    const { stripe } = await open();
    const error = await stripeCall(() =>
      stripe.paymentIntents.create({
        amount: 100,
        currency: "usd",
        payment_method: card,
        confirm: true,
        automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      }),
    ).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, extensions: { declineCode: told } });
    expect(declineOf(error)).toMatchObject({
      declineCode: known,
      paymentIntentId: expect.stringMatching(/^pi_/),
    });
  },
);

test("a meter event under an identifier that is in already is told apart", async () => {
  const { stripe } = await open();
  const customer = await stripe.customers.create({ name: "A" });
  await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "events",
    default_aggregation: { formula: "sum" },
  });
  const send = () =>
    stripeCall(() =>
      stripe.billing.meterEvents.create({
        event_name: "events",
        identifier: "one",
        payload: { stripe_customer_id: customer.id, value: "1" },
      }),
    );
  await send();
  const again = await send().catch((error: unknown) => error);
  expect(isDuplicateMeterEvent(again)).toBe(true);
  expect(isDuplicateMeterEvent(new Error("already exists"))).toBe(false);
});

test("a key of another mode or of another account is refused", async () => {
  const { stripe } = await open();
  const id = await verifyStripeAccount({ stripe, secretKey, mode: "simulator", boundTo: null });
  expect(await verifyStripeAccount({ stripe, secretKey, mode: "test", boundTo: id })).toBe(id);
  await expect(verifyStripeAccount({ stripe, secretKey, mode: "live", boundTo: id })).rejects.toThrow(
    "test key",
  );
  await expect(
    verifyStripeAccount({ stripe, secretKey: "sk_live_x", mode: "test", boundTo: id }),
  ).rejects.toThrow("live key");
  await expect(
    verifyStripeAccount({ stripe, secretKey, mode: "test", boundTo: "acct_other" }),
  ).rejects.toThrow("belongs to the Stripe account acct_other");
});

test("the price of one unit is exact or refused", () => {
  expect(unitAmountDecimal({ amountMinor: 50, perUnits: 1_000 }).toString()).toBe("0.05");
  expect(() => unitAmountDecimal({ amountMinor: 50, perUnits: 3 })).toThrow("no exact price");
});
