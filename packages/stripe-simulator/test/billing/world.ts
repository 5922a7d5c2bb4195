import Stripe from "stripe";
import { startSimulator } from "../../src/index.ts";

const silent = {
  info() {},
  warn() {},
  error: (detail: object, message: string) => console.error(message, detail),
};
const API_VERSION = "2026-10-28.endive";

export type World = Awaited<ReturnType<typeof createWorld>>;

/** A simulator of its own, the catalogue of one metered plan, and the moves that the stories below are made of. */
export async function createWorld(startsAt?: string) {
  const offsetMs = startsAt === undefined ? 0 : Date.parse(startsAt) - Date.now();
  const wallNow = () => new Date(Date.now() + offsetMs);
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath: null,
    log: silent,
    wallNow,
  });
  const stripe = new Stripe("sk_test_stories", {
    host: "127.0.0.1",
    port: simulator.port,
    protocol: "http",
    apiVersion: API_VERSION,
    maxNetworkRetries: 0,
    telemetry: false,
  });
  // Nobody reports usage or acknowledges anything here: the clock need not wait for it.
  await fetch(`${simulator.url}/_sim/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "no-holding" }),
  });

  const clock = () => stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  const now = async (): Promise<number> => (await clock()).frozen_time;

  async function travelTo(at: number): Promise<void> {
    await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: at });
    while ((await clock()).status !== "ready") await new Promise((resolve) => setTimeout(resolve, 10));
  }

  return {
    stripe,
    simulator,
    now,
    travelTo,
    travel: async (span: { days?: number; hours?: number; minutes?: number }) =>
      travelTo(
        (await now()) + (span.days ?? 0) * 86_400 + (span.hours ?? 0) * 3_600 + (span.minutes ?? 0) * 60,
      ),
    catalog: await createCatalog(stripe),
    /** A customer with this card as its default. */
    async customer(card = "pm_card_visa") {
      const customer = await stripe.customers.create({ email: "ada@example.com", name: "Ada" });
      const method = await stripe.paymentMethods.attach(card, { customer: customer.id });
      await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
      return customer;
    },
    /** Reports usage as of now, or as of `timestamp`. */
    use: (customerId: string, value: number, over: { identifier?: string; timestamp?: number } = {}) =>
      stripe.billing.meterEvents.create({
        event_name: "events",
        payload: { stripe_customer_id: customerId, value: String(value) },
        ...over,
      }),
    /** Types of the events since the start, oldest first. */
    async events(): Promise<string[]> {
      const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 1_000 });
      return events.map((event) => event.type).reverse();
    },
    invoices: async (subscription: string) =>
      (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse(),
    close: () => simulator.close(),
  };
}

async function createCatalog(stripe: Stripe) {
  const meter = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "events",
    default_aggregation: { formula: "sum" },
  });
  const product = async (name: string) => (await stripe.products.create({ name })).id;
  const licence = async (name: string, unit_amount: number) =>
    stripe.prices.create({
      product: await product(name),
      currency: "usd",
      unit_amount,
      recurring: { interval: "month" },
    });
  const overage = async (included: number) =>
    stripe.prices.create({
      product: await product("Events"),
      currency: "usd",
      billing_scheme: "tiered",
      tiers_mode: "graduated",
      tiers: [
        { up_to: included, unit_amount_decimal: Stripe.Decimal.from("0") },
        { up_to: "inf", unit_amount_decimal: Stripe.Decimal.from("0.05") },
      ],
      recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    });
  return {
    meter,
    pro: await licence("Pro", 2_900),
    business: await licence("Business", 9_900),
    overage: await overage(100_000),
  };
}
