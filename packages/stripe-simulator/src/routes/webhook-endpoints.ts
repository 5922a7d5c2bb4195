import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";

import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";

type Endpoint = ObjectOf<"webhook_endpoint">;
type Destination = ObjectOf<"v2.core.event_destination">;

const newSecret = (ctx: SimContext) => ({ secret: ctx.newId("whsec"), expiresAt: null });

/** Makes an endpoint that receives snapshot events; only the answer to this call carries its secret. */
function createEndpoint(ctx: SimContext, params: Stored<Stripe.WebhookEndpointCreateParams>): object {
  const endpoint: Endpoint = {
    id: ctx.newId("we"),
    object: "webhook_endpoint",
    api_version: params.api_version ?? null,
    application: null,
    created: ctx.now(),
    description: params.description || null,
    enabled_events: params.enabled_events,
    livemode: false,
    metadata: applyMetadata(null, params.metadata),
    status: "enabled",
    url: checkUrl(params.url),
    _secrets: [newSecret(ctx)],
  };
  ctx.store.put("webhook_endpoint", endpoint);
  return { ...endpoint, secret: endpoint._secrets[0]?.secret };
}

function updateEndpoint(
  ctx: SimContext,
  id: string,
  params: Stored<Stripe.WebhookEndpointUpdateParams>,
): Endpoint {
  const before = ctx.store.getOrThrow("webhook_endpoint", id);
  return ctx.store.update("webhook_endpoint", id, {
    metadata: applyMetadata(before.metadata, params.metadata),
    ...(params.url === undefined ? {} : { url: checkUrl(params.url) }),
    ...(params.enabled_events === undefined ? {} : { enabled_events: params.enabled_events }),
    ...(params.description === undefined ? {} : { description: params.description || null }),
    ...(params.disabled === undefined ? {} : { status: params.disabled ? "disabled" : "enabled" }),
  });
}

/** Gives an endpoint (or a destination) a new secret; the old ones sign on for `oldLivesForMs` of real time. */
export function rollSecret(ctx: SimContext, id: string, oldExpiresAtMs: number): { secret: string } {
  const type = id.startsWith("we_") ? "webhook_endpoint" : "v2.core.event_destination";
  const { _secrets: secrets } = ctx.store.getOrThrow(type, id);
  const fresh = newSecret(ctx);
  const old = secrets.map((each) => ({ ...each, expiresAt: each.expiresAt ?? oldExpiresAtMs }));
  ctx.store.update(type, id, { _secrets: [fresh, ...old] });
  return { secret: fresh.secret };
}

/** Makes a v2 destination: the way thin events reach a webhook endpoint. */
function createDestination(ctx: SimContext, params: Stripe.V2.Core.EventDestinationCreateParams): object {
  const url = params.webhook_endpoint?.url;
  if (params.type !== "webhook_endpoint" || url === undefined)
    throw invalidRequest(
      "The simulator delivers to webhook endpoints only: pass type and webhook_endpoint.url.",
      { param: "type" },
    );
  if (params.event_payload !== "thin")
    throw invalidRequest(
      "Register snapshot events with /v1/webhook_endpoints; destinations of the simulator are thin.",
      {
        param: "event_payload",
      },
    );
  const at = new Date(ctx.now() * 1000).toISOString();
  const destination: Destination = {
    id: ctx.newId("ed_test"),
    object: "v2.core.event_destination",
    created: at,
    description: params.description ?? "",
    enabled_events: params.enabled_events,
    event_payload: "thin",
    events_from: ["self"],
    livemode: false,
    metadata: applyMetadata(null, params.metadata),
    name: params.name,
    status: "enabled",
    type: "webhook_endpoint",
    updated: at,
    _url: checkUrl(url),
    _secrets: [newSecret(ctx)],
  };
  ctx.store.put("v2.core.event_destination", destination);
  return withIncluded(destination, params.include);
}

/** Changes what a destination is told, where and under which name. */
function updateDestination(
  ctx: SimContext,
  id: string,
  params: Stripe.V2.Core.EventDestinationUpdateParams,
): object {
  const before = ctx.store.getOrThrow("v2.core.event_destination", id);
  const url = params.webhook_endpoint?.url;
  const changed = ctx.store.update("v2.core.event_destination", id, {
    description: params.description ?? before.description,
    enabled_events: params.enabled_events ?? before.enabled_events,
    metadata: applyMetadata(before.metadata ?? null, params.metadata),
    name: params.name ?? before.name,
    updated: new Date(ctx.now() * 1000).toISOString(),
    ...(url === undefined ? {} : { _url: checkUrl(url) }),
  });
  return withIncluded(changed, params.include);
}

const setDestinationStatus = (ctx: SimContext, id: string, status: "enabled" | "disabled"): object =>
  ctx.store.update("v2.core.event_destination", id, {
    status,
    updated: new Date(ctx.now() * 1000).toISOString(),
  });

function withIncluded(destination: Destination, include: string[] = []): object {
  const shown = {
    ...(include.includes("webhook_endpoint.url") ? { url: destination._url } : {}),
    ...(include.includes("webhook_endpoint.signing_secret")
      ? { signing_secret: destination._secrets[0]?.secret }
      : {}),
  };
  return Object.keys(shown).length === 0 ? destination : { ...destination, webhook_endpoint: shown };
}

function checkUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidRequest("Invalid URL: An explicit scheme (such as https) must be provided.", {
      code: "url_invalid",
      param: "url",
    });
  return url;
}

export const webhookEndpointRoutes: Route[] = [
  route<Stripe.WebhookEndpointCreateParams>(
    "POST",
    "/v1/webhook_endpoints",
    { params: "WebhookEndpointCreateParams", response: "WebhookEndpoint" },
    (ctx, { params }) => createEndpoint(ctx, params),
  ),
  route("GET", "/v1/webhook_endpoints/:id", { response: "WebhookEndpoint" }, (ctx, { path }) =>
    ctx.store.getOrThrow("webhook_endpoint", path["id"] ?? ""),
  ),
  route<Stripe.WebhookEndpointUpdateParams>(
    "POST",
    "/v1/webhook_endpoints/:id",
    { params: "WebhookEndpointUpdateParams", response: "WebhookEndpoint" },
    (ctx, { params, path }) => updateEndpoint(ctx, path["id"] ?? "", params),
  ),
  route("DELETE", "/v1/webhook_endpoints/:id", { response: "DeletedWebhookEndpoint" }, (ctx, { path }) => {
    const { id } = ctx.store.getOrThrow("webhook_endpoint", path["id"] ?? "");
    ctx.store.delete("webhook_endpoint", id);
    return { id, object: "webhook_endpoint", deleted: true };
  }),
  listRoute(
    "/v1/webhook_endpoints",
    { params: "WebhookEndpointListParams", response: "WebhookEndpoint" },
    (ctx) => ctx.store.list("webhook_endpoint").toReversed(),
  ),
  route<Stripe.V2.Core.EventDestinationCreateParams>(
    "POST",
    "/v2/core/event_destinations",
    { params: "V2.Core.EventDestinationCreateParams", response: "V2.Core.EventDestination" },
    (ctx, { params }) => createDestination(ctx, params as Stripe.V2.Core.EventDestinationCreateParams),
  ),
  route<Stripe.V2.Core.EventDestinationRetrieveParams>(
    "GET",
    "/v2/core/event_destinations/:id",
    { params: "V2.Core.EventDestinationRetrieveParams", response: "V2.Core.EventDestination" },
    (ctx, { params, path }) =>
      withIncluded(ctx.store.getOrThrow("v2.core.event_destination", path["id"] ?? ""), params.include),
  ),
  listRoute<Stripe.V2.Core.EventDestinationListParams>(
    "/v2/core/event_destinations",
    { params: "V2.Core.EventDestinationListParams", response: "V2.Core.EventDestination" },
    (ctx, { params }) =>
      ctx.store
        .list("v2.core.event_destination")
        .toReversed()
        .map((each) => withIncluded(each, params.include)),
  ),
  route<Stripe.V2.Core.EventDestinationUpdateParams>(
    "POST",
    "/v2/core/event_destinations/:id",
    { params: "V2.Core.EventDestinationUpdateParams", response: "V2.Core.EventDestination" },
    (ctx, { params, path }) => updateDestination(ctx, path["id"] ?? "", params),
  ),
  ...(["enable", "disable"] as const).map((verb) =>
    route(
      "POST",
      `/v2/core/event_destinations/:id/${verb}`,
      { response: "V2.Core.EventDestination" },
      (ctx, { path }) => setDestinationStatus(ctx, path["id"] ?? "", `${verb}d`),
    ),
  ),
  route("DELETE", "/v2/core/event_destinations/:id", {}, (ctx, { path }) => {
    const { id } = ctx.store.getOrThrow("v2.core.event_destination", path["id"] ?? "");
    ctx.store.delete("v2.core.event_destination", id);
    return { id, object: "v2.core.event_destination", deleted: true };
  }),
];
