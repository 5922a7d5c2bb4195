import type Stripe from "stripe";
import { invalidRequest } from "../errors.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import type { SimContext } from "../context.ts";
import type { EventRecord } from "../objects.ts";
import { inRange } from "./filters.ts";

const REACHES_BACK_SECONDS = 30 * 86_400;
const TYPES_MAX = 20;

interface ListParams {
  type?: string;
  types?: string[];
  delivery_success?: boolean;
  created?: number | { gt?: number; gte?: number; lt?: number; lte?: number };
}

function listEvents(
  ctx: SimContext,
  { type, types = [], delivery_success: isDelivered, created }: ListParams,
): EventRecord[] {
  if (type !== undefined && types.length > 0)
    throw invalidRequest("You may only specify one of these parameters: type, types.");
  if (types.length > TYPES_MAX)
    throw invalidRequest(`Array types exceeded maximum ${TYPES_MAX} allowed elements.`, { param: "types" });
  const patterns = type === undefined ? types : [type];
  const since = ctx.now() - REACHES_BACK_SECONDS;
  return ctx.store
    .list("event")
    .toReversed()
    .filter(
      (event) =>
        event.created >= since &&
        inRange(event.created, created) &&
        (patterns.length === 0 || patterns.some((pattern) => matches(pattern, event.type))) &&
        (isDelivered === undefined || isDelivered === (event.pending_webhooks === 0)),
    );
}

/** `charge.*` names every event about charges. */
const matches = (pattern: string, type: string): boolean =>
  pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : pattern === type;

export const eventRoutes: Route[] = [
  route("GET", "/v1/events/:id", {}, (ctx, { path }) => ctx.store.getOrThrow("event", path["id"] ?? "")),
  listRoute<Stripe.EventListParams>("/v1/events", { params: "EventListParams" }, (ctx, { params }) =>
    listEvents(ctx, params),
  ),
  listRoute<Stripe.V2.Core.EventListParams>(
    "/v2/core/events",
    { params: "V2.Core.EventListParams" },
    (ctx, { params }) =>
      ctx.store
        .list("v2.core.event")
        .toReversed()
        .filter((event) => params.object_id === undefined || event.related_object?.id === params.object_id),
  ),
  route("GET", "/v2/core/events/:id", {}, (ctx, { path }) =>
    ctx.store.getOrThrow("v2.core.event", path["id"] ?? ""),
  ),
];
