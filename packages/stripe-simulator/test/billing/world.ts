import Stripe from "stripe";
import { startSimulator } from "../../src/index.ts";

const quiet = {
  info() {},
  warn() {},
  /** What the simulator cannot answer is a defect of its own, and must not pass unseen. */
  error(detail: object, message: string) {
    throw new Error(`${message} ${JSON.stringify(detail)}`, { cause: detail });
  },
};
const API_VERSION = "2026-10-28.endive";

export type World = Awaited<ReturnType<typeof createWorld>>;

export interface Span {
  days?: number;
  hours?: number;
  minutes?: number;
}

const secondsOf = ({ days = 0, hours = 0, minutes = 0 }: Span): number =>
  days * 86_400 + hours * 3_600 + minutes * 60;

/** A simulator of its own and the catalogue of a metered plan, for stories that may begin at any instant. */
export async function createWorld(startsAt?: string, statePath: string | null = null) {
  const world = await connect(startsAt, statePath);
  // Nobody reports usage here before a draft is finalized: the clock need not wait for it.
  await send("POST", `${world.simulator.url}/_sim/faults`, { kind: "no-holding" });
  return { ...world, catalog: await createCatalog(world.stripe) };
}

/** A simulator on this state, a client of it, and the moves that the stories are made of. */
export async function connect(startsAt: string | undefined, statePath: string | null) {
  const aheadMs = startsAt === undefined ? 0 : Date.parse(startsAt) - Date.now();
  const wallNow = () => new Date(Date.now() + aheadMs);
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath,
    log: quiet,
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

  const clock = () => stripe.testHelpers.testClocks.retrieve(simulator.testClockId);
  const now = async (): Promise<number> => (await clock()).frozen_time;

  async function travelTo(at: number): Promise<void> {
    await stripe.testHelpers.testClocks.advance(simulator.testClockId, { frozen_time: at });
    while ((await clock()).status !== "ready") await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async function attach(customerId: string, card: string): Promise<string> {
    const method = await stripe.paymentMethods.attach(card, { customer: customerId });
    await stripe.customers.update(customerId, { invoice_settings: { default_payment_method: method.id } });
    return method.id;
  }

  const world = {
    stripe,
    simulator,
    now,
    travelTo,
    travel: async (span: Span) => travelTo((await now()) + secondsOf(span)),
    /** Gives the customer a card and makes it the default. */
    attach,
    async customer(card: string | null = "pm_card_visa") {
      const customer = await stripe.customers.create({ email: "ada@example.com", name: "Ada" });
      if (card !== null) await attach(customer.id, card);
      return customer;
    },
    subscribe: async (
      customerId: string,
      prices: Stripe.Price[],
      over: Stripe.SubscriptionCreateParams = {},
    ) =>
      stripe.subscriptions.create({
        customer: customerId,
        items: prices.map(({ id }) => ({ price: id })),
        ...over,
      }),
    subscription: (id: string) => stripe.subscriptions.retrieve(id),
    /** Reports usage as of now, or as of `timestamp`. */
    use: (
      customerId: string,
      value: number | string,
      over: { identifier?: string; timestamp?: number } = {},
    ) =>
      stripe.billing.meterEvents.create({
        event_name: "events",
        payload: { stripe_customer_id: customerId, value: String(value) },
        ...over,
      }),
    /** Types of the events since `since` (unix seconds), oldest first. */
    async events(since: number, object?: string): Promise<string[]> {
      const events = await stripe.events
        .list({ limit: 100, created: { gte: since } })
        .autoPagingToArray({ limit: 1_000 });
      return events
        .filter((event) => object === undefined || JSON.stringify(event.data.object).includes(object))
        .map((event) => event.type)
        .reverse();
    },
    /** Oldest first. */
    invoices: async (subscription: string) =>
      (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse(),
    async invoice(subscription: string, index: number) {
      const invoice = (await world.invoices(subscription)).at(index);
      if (invoice === undefined) throw new Error(`no invoice ${index}`);
      return invoice;
    },
    close: () => simulator.close(),
  };
  return world;
}

/** Unix seconds of an instant in RFC 3339. */
export const at = (iso: string): number => Date.parse(iso) / 1_000;

/** "2026-03-10T12:00:00Z" of unix seconds. */
export const iso = (seconds: number | null | undefined): string | null =>
  seconds === null || seconds === undefined
    ? null
    : new Date(seconds * 1_000).toISOString().replace(".000", "");

export const amounts = (invoice: Stripe.Invoice): number[] => invoice.lines.data.map((line) => line.amount);

/** Sends JSON to the simulator itself; throws unless it is taken. */
export async function send(method: "POST" | "PUT" | "DELETE", url: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

async function createCatalog(stripe: Stripe) {
  const meter = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "events",
    default_aggregation: { formula: "sum" },
  });
  const product = async (name: string) => (await stripe.products.create({ name })).id;
  const licence = async (name: string, unit_amount: number, interval: "month" | "year" = "month") =>
    stripe.prices.create({
      product: await product(name),
      currency: "usd",
      unit_amount,
      recurring: { interval },
    });
  const overage = async (included: number, unit: string) =>
    stripe.prices.create({
      product: await product("Events"),
      currency: "usd",
      billing_scheme: "tiered",
      tiers_mode: "graduated",
      tiers: [
        { up_to: included, unit_amount_decimal: Stripe.Decimal.from("0") },
        { up_to: "inf", unit_amount_decimal: Stripe.Decimal.from(unit) },
      ],
      recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    });
  return {
    meter,
    pro: await licence("Pro", 2_900),
    business: await licence("Business", 9_900),
    yearly: await licence("Pro, yearly", 29_000, "year"),
    overage: await overage(100_000, "0.05"),
    dearOverage: await overage(1_000, "0.1"),
  };
}
