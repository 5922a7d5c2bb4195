import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import Stripe from "stripe";
import { onTestFinished } from "vitest";
import { startSimulator } from "../src/index.ts";

const silent = {
  info() {},
  warn() {},
  error: (detail: object, message: string) => void process.stderr.write(`${message} ${inspect(detail)}\n`),
};

/** The `stripe` package, pointed at a simulator; retries are off so that tests see each answer. */
export const clientFor = (port: number, config: Stripe.StripeConfig = {}, key = "sk_test_x"): Stripe =>
  new Stripe(key, {
    host: "127.0.0.1",
    port,
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 0,
    ...config,
  });

/** A fresh simulator for one test, stopped when it ends. */
export async function setUp({ statePath = null }: { statePath?: string | null } = {}) {
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath,
    log: silent,
    wallNow: () => new Date(),
  });
  onTestFinished(() => simulator.close());
  const sim = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${simulator.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as never };
  };
  return { simulator, stripe: clientFor(simulator.port), sim };
}

/** The Pro plan: $29 a month. */
export async function createPro(stripe: Stripe): Promise<Stripe.Price> {
  const product = await stripe.products.create({ name: "Pro" });
  return stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 2900,
    recurring: { interval: "month" },
  });
}

export async function openCheckout(stripe: Stripe, over: Partial<Stripe.Checkout.SessionCreateParams> = {}) {
  const price = await createPro(stripe);
  return stripe.checkout.sessions.create({
    mode: "subscription",
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: "https://shop.test/done?session={CHECKOUT_SESSION_ID}",
    cancel_url: "https://shop.test/plans",
    ...over,
  });
}

/** What the call was refused with. */
export async function refusal(work: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("the call went through");
}

/** An endpoint that webhooks are sent to; `answer` decides each status. */
export async function receiveWebhooks(answer: (count: number) => number = () => 200) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(answer(received.length)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve(undefined))));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return {
    url,
    received,
    types: () => received.map(({ body }) => (JSON.parse(body) as { type: string }).type),
  };
}
