import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { handledStripeEventTypes, handledThinEventTypes } from "@driftlock/contracts";
import { type Stripe, stripeApiVersion } from "@driftlock/stripe";
import { CatalogConflict, type CatalogStep, differences, ownMetadata } from "./catalog-step.ts";

export interface Webhooks {
  stripe: Stripe;
  /** Where Stripe posts to. */
  url: string;
  /** Keeps the secrets, one a line: Stripe tells each once, when its endpoint is made. */
  secretFile: string;
  /** Marks what this installation made: an account may have endpoints of others. */
  installationId: string;
}

const name = "DriftLock Billing";

/**
 * An endpoint for snapshot events at the pinned version, and a destination for thin ones. What is there stays, with its
 * secrets, unless its version is another or the secrets in the file are not its own: then both are made anew. Those of
 * ours at another URL go: an endpoint that does not answer holds back invoices for up to three days.
 */
export async function planWebhooks(given: Webhooks): Promise<CatalogStep[]> {
  const found = await readWebhooks(given);
  assertOurs(given, found);
  return [planPair(given, found), ...planRemovals(given, found)];
}

interface Found {
  endpoints: readonly Stripe.WebhookEndpoint[];
  destinations: readonly Stripe.V2.Core.EventDestination[];
}

async function readWebhooks({ stripe }: Webhooks): Promise<Found> {
  const endpoints: Stripe.WebhookEndpoint[] = [];
  const destinations: Stripe.V2.Core.EventDestination[] = [];
  for await (const endpoint of stripe.webhookEndpoints.list({ limit: 100 })) endpoints.push(endpoint);
  const include = ["webhook_endpoint.url"];
  for await (const destination of stripe.v2.core.eventDestinations.list({ include }))
    if (destination.event_payload === "thin") destinations.push(destination);
  return { endpoints, destinations };
}

const urlOf = (each: Stripe.V2.Core.EventDestination): string | undefined => each.webhook_endpoint?.url;

/** @throws CatalogConflict where somebody else's endpoint has our URL: every event would come twice, once unverifiable. */
function assertOurs({ url }: Webhooks, { endpoints, destinations }: Found): void {
  const strange = [
    ...endpoints.filter((each) => each.url === url && each.description !== name),
    ...destinations.filter((each) => urlOf(each) === url && each.name !== name),
  ];
  if (strange.length > 0)
    throw new CatalogConflict(
      strange.map(
        ({ id }) =>
          `Stripe posts to ${url} already by ${id}, which is not ours: remove it, or leave out WEBHOOK_URL`,
      ),
    );
}

function planPair(given: Webhooks, { endpoints, destinations }: Found): CatalogStep {
  const { stripe, url } = given;
  const step = { kind: "webhooks", key: url } as const;
  const [endpoint, ...moreEndpoints] = endpoints.filter((each) => each.url === url);
  const [destination, ...moreDestinations] = destinations.filter((each) => urlOf(each) === url);
  if (endpoint === undefined && destination === undefined)
    return {
      ...step,
      action: "create",
      detail: [`snapshot events at ${stripeApiVersion}, and thin events`],
      apply: () => createPair(given, []),
    };
  const anew = differences({
    endpoints: [
      [moreEndpoints.length + 1, moreDestinations.length + 1],
      [endpoint && 1, destination && 1],
    ],
    version: [endpoint?.api_version, stripeApiVersion],
    secrets: [endpoint?.metadata["secrets_sha256"] === digestOf(given.secretFile), true],
  });
  if (anew.length > 0 || endpoint === undefined || destination === undefined)
    return {
      ...step,
      action: "change",
      detail: ["made anew, with new secrets", ...anew],
      apply: () =>
        createPair(given, [
          ...[endpoint, ...moreEndpoints].flatMap((each) =>
            each ? [() => stripe.webhookEndpoints.del(each.id)] : [],
          ),
          ...[destination, ...moreDestinations].flatMap((each) =>
            each ? [() => stripe.v2.core.eventDestinations.del(each.id)] : [],
          ),
        ]),
    };
  return adjustPair(given, step, { endpoint, destination });
}

function adjustPair(
  { stripe, installationId }: Webhooks,
  step: Pick<CatalogStep, "kind" | "key">,
  {
    endpoint,
    destination,
  }: { endpoint: Stripe.WebhookEndpoint; destination: Stripe.V2.Core.EventDestination },
): CatalogStep {
  const enabled_events = [...handledStripeEventTypes];
  const metadata = { ...ownMetadata, installation: installationId };
  const detail = differences({
    "snapshot events": [endpoint.enabled_events.toSorted(), enabled_events.toSorted()],
    "thin events": [destination.enabled_events.toSorted(), [...handledThinEventTypes].toSorted()],
    status: [
      [endpoint.status, destination.status],
      ["enabled", "enabled"],
    ],
    installation: [
      [endpoint.metadata["installation"], destination.metadata?.["installation"]],
      [installationId, installationId],
    ],
  });
  return {
    ...step,
    action: detail.length === 0 ? "unchanged" : "change",
    detail,
    apply: async () => {
      if (detail.length === 0) return;
      await stripe.webhookEndpoints.update(endpoint.id, { enabled_events, disabled: false, metadata });
      await stripe.v2.core.eventDestinations.update(destination.id, {
        enabled_events: [...handledThinEventTypes],
        metadata,
      });
      if (destination.status !== "enabled") await stripe.v2.core.eventDestinations.enable(destination.id);
    },
  };
}

function planRemovals(
  { stripe, url, installationId }: Webhooks,
  { endpoints, destinations }: Found,
): CatalogStep[] {
  const isStale = (metadata: Record<string, string> | undefined, at: string | undefined): boolean =>
    metadata?.["installation"] === installationId && at !== url;
  const removal = (at: string | undefined, remove: () => Promise<unknown>): CatalogStep => ({
    action: "archive",
    kind: "webhooks",
    key: at ?? "",
    detail: ["removed: events are posted elsewhere now"],
    apply: remove,
  });
  return [
    ...endpoints
      .filter((each) => isStale(each.metadata, each.url))
      .map((each) => removal(each.url, () => stripe.webhookEndpoints.del(each.id))),
    ...destinations
      .filter((each) => isStale(each.metadata, urlOf(each)))
      .map((each) => removal(urlOf(each), () => stripe.v2.core.eventDestinations.del(each.id))),
  ];
}

/** Kept with the endpoint, so that secrets of another one are known as such: those of Stripe cannot be read again. */
const digestOf = (secretFile: string): string =>
  existsSync(secretFile) ? createHash("sha256").update(readFileSync(secretFile)).digest("hex") : "";

/** The secrets go first and their digest comes last, so that a crash leaves nothing that could pass for right. */
async function createPair(given: Webhooks, removals: readonly (() => Promise<unknown>)[]): Promise<void> {
  const { stripe, secretFile, installationId } = given;
  await rm(secretFile, { force: true });
  for (const remove of removals) await remove();
  const metadata = { ...ownMetadata, installation: installationId };
  const endpoint = await createEndpoint(given, metadata);
  const secrets = [endpoint.secret, await createDestination(given, metadata)];
  await writeFile(`${secretFile}.new`, secrets.map((secret) => `${secret}\n`).join(""), { mode: 0o600 });
  await rename(`${secretFile}.new`, secretFile);
  await stripe.webhookEndpoints.update(endpoint.id, {
    metadata: { ...metadata, secrets_sha256: digestOf(secretFile) },
  });
}

async function createEndpoint(
  { stripe, url }: Webhooks,
  metadata: Record<string, string>,
): Promise<{ id: string; secret: string }> {
  const { id, secret } = await stripe.webhookEndpoints.create({
    url,
    enabled_events: [...handledStripeEventTypes],
    api_version: stripeApiVersion,
    description: name,
    metadata,
  });
  if (secret === undefined) throw new Error("Stripe did not tell the secret of the new webhook endpoint");
  return { id, secret };
}

async function createDestination(
  { stripe, url }: Webhooks,
  metadata: Record<string, string>,
): Promise<string> {
  const { webhook_endpoint: endpoint } = await stripe.v2.core.eventDestinations.create({
    name,
    type: "webhook_endpoint",
    event_payload: "thin",
    enabled_events: [...handledThinEventTypes],
    webhook_endpoint: { url },
    metadata,
    include: ["webhook_endpoint.signing_secret"],
  });
  if (!endpoint?.signing_secret)
    throw new Error("Stripe did not tell the secret of the new event destination");
  return endpoint.signing_secret;
}
