import { createHash } from "node:crypto";
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
 * What is there and right stays, with its secrets; else, or where the secrets in the file are not theirs, both are made
 * anew. @returns whether they were made now.
 */
export async function setUpWebhooks({ stripe, url, secretFile }: Webhooks): Promise<boolean> {
  const endpoints = await listEndpoints(stripe, url);
  const destinations = await listDestinations(stripe, url);
  if (isRight({ endpoints, destinations, secretsDigest: digestOf(secretFile) })) return false;
  // Removed first, so that a crash leaves nothing that could pass for right.
  await rm(secretFile, { force: true });
  for (const { id } of endpoints) await stripe.webhookEndpoints.del(id);
  for (const { id } of destinations) await stripe.v2.core.eventDestinations.del(id);
  const endpoint = await createEndpoint(stripe, url);
  const secrets = [endpoint.secret, await createDestination(stripe, url)];
  await writeFile(`${secretFile}.new`, secrets.map((secret) => `${secret}\n`).join(""), { mode: 0o600 });
  await rename(`${secretFile}.new`, secretFile);
  const metadata = { secrets_sha256: digestOf(secretFile) };
  await stripe.webhookEndpoints.update(endpoint.id, { metadata });
  return true;
}

/** Kept with the endpoint, so that secrets of another one are known as such: those of Stripe cannot be read again. */
const digestOf = (secretFile: string): string =>
  existsSync(secretFile) ? createHash("sha256").update(readFileSync(secretFile)).digest("hex") : "";

interface Found {
  endpoints: readonly Stripe.WebhookEndpoint[];
  destinations: readonly Stripe.V2.Core.EventDestination[];
  secretsDigest: string;
}

function isRight({ endpoints, destinations, secretsDigest }: Found): boolean {
  const [endpoint, ...moreEndpoints] = endpoints;
  const [destination, ...moreDestinations] = destinations;
  return (
    moreEndpoints.length + moreDestinations.length === 0 &&
    endpoint?.metadata["secrets_sha256"] === secretsDigest &&
    endpoint.status === "enabled" &&
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

async function createEndpoint(stripe: Stripe, url: string): Promise<{ id: string; secret: string }> {
  const { id, secret } = await stripe.webhookEndpoints.create({
    url,
    enabled_events: [...handledStripeEventTypes],
    api_version: stripeApiVersion,
    description: "DriftLock Billing",
  });
  if (secret === undefined) throw new Error("Stripe did not tell the secret of the new webhook endpoint");
  return { id, secret };
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
