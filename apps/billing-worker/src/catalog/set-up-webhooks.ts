import { existsSync, readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { handledStripeEventTypes, handledThinEventTypes } from "@driftlock/contracts";
import { type Stripe, stripeApiVersion } from "@driftlock/stripe";

interface Webhooks {
  stripe: Stripe;
  /** Where Stripe posts to. */
  url: string;
  /** Keeps the secrets, one a line: Stripe tells each once, when its endpoint is made. */
  secretFile: string;
}

/**
 * Makes Stripe send to `url`: an endpoint for snapshot events at the pinned version, and a destination for thin ones.
 * What is there and right stays, with its secrets; else, or where the secrets are lost, both are made anew.
 * @returns whether they were made now.
 */
export async function setUpWebhooks({ stripe, url, secretFile }: Webhooks): Promise<boolean> {
  const endpoints = await listEndpoints(stripe, url);
  const destinations = await listDestinations(stripe, url);
  if (isRight({ endpoints, destinations, secretFile })) return false;
  // Removed first: secrets that outlived their endpoints would pass for the right ones after a crash.
  await rm(secretFile, { force: true });
  for (const { id } of endpoints) await stripe.webhookEndpoints.del(id);
  for (const { id } of destinations) await stripe.v2.core.eventDestinations.del(id);
  const secrets = [await createEndpoint(stripe, url), await createDestination(stripe, url)];
  const draft = `${secretFile}.new`;
  await writeFile(draft, secrets.map((secret) => `${secret}\n`).join(""), { mode: 0o600 });
  await rename(draft, secretFile);
  return true;
}

interface Found {
  endpoints: readonly Stripe.WebhookEndpoint[];
  destinations: readonly Stripe.V2.Core.EventDestination[];
  secretFile: string;
}

function isRight({ endpoints, destinations, secretFile }: Found): boolean {
  const [endpoint, ...moreEndpoints] = endpoints;
  const [destination, ...moreDestinations] = destinations;
  const secretCount = existsSync(secretFile)
    ? readFileSync(secretFile, "utf8").split("\n").filter(Boolean).length
    : 0;
  return (
    secretCount === 2 &&
    moreEndpoints.length + moreDestinations.length === 0 &&
    endpoint?.status === "enabled" &&
    endpoint.api_version === stripeApiVersion &&
    isSameSet(endpoint.enabled_events, handledStripeEventTypes) &&
    destination?.status === "enabled" &&
    isSameSet(destination.enabled_events, handledThinEventTypes)
  );
}

const isSameSet = (found: readonly string[], wanted: readonly string[]): boolean =>
  found.length === wanted.length && wanted.every((type) => found.includes(type));

async function listEndpoints(stripe: Stripe, url: string): Promise<Stripe.WebhookEndpoint[]> {
  const found: Stripe.WebhookEndpoint[] = [];
  for await (const endpoint of stripe.webhookEndpoints.list({ limit: 100 }))
    if (endpoint.url === url) found.push(endpoint);
  return found;
}

async function listDestinations(stripe: Stripe, url: string): Promise<Stripe.V2.Core.EventDestination[]> {
  const found: Stripe.V2.Core.EventDestination[] = [];
  for await (const destination of stripe.v2.core.eventDestinations.list({
    include: ["webhook_endpoint.url"],
  })) {
    if (destination.webhook_endpoint?.url === url) found.push(destination);
  }
  return found;
}

async function createEndpoint(stripe: Stripe, url: string): Promise<string> {
  const { secret } = await stripe.webhookEndpoints.create({
    url,
    enabled_events: [...handledStripeEventTypes],
    api_version: stripeApiVersion,
    description: "DriftLock Billing",
  });
  if (secret === undefined) throw new Error("Stripe did not tell the secret of the new webhook endpoint");
  return secret;
}

async function createDestination(stripe: Stripe, url: string): Promise<string> {
  const { webhook_endpoint: endpoint } = await stripe.v2.core.eventDestinations.create({
    name: "DriftLock Billing",
    type: "webhook_endpoint",
    event_payload: "thin",
    enabled_events: [...handledThinEventTypes],
    webhook_endpoint: { url },
    include: ["webhook_endpoint.signing_secret"],
  });
  if (!endpoint?.signing_secret)
    throw new Error("Stripe did not tell the secret of the new event destination");
  return endpoint.signing_secret;
}
