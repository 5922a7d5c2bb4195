import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { isAsked } from "./filters.ts";
import { DEFAULT_FEATURES, readFeatures } from "./portal-features.ts";

type Configuration = ObjectOf<"billing_portal.configuration">;

function createConfiguration(
  ctx: SimContext,
  params: Stored<Stripe.BillingPortal.ConfigurationCreateParams>,
): Configuration {
  const configuration: Configuration = {
    id: ctx.newId("bpc"),
    object: "billing_portal.configuration",
    active: true,
    application: null,
    business_profile: {
      headline: params.business_profile?.headline || null,
      privacy_policy_url: params.business_profile?.privacy_policy_url ?? null,
      terms_of_service_url: params.business_profile?.terms_of_service_url ?? null,
    },
    created: ctx.now(),
    default_return_url: params.default_return_url || null,
    features: readFeatures(params.features, DEFAULT_FEATURES),
    is_default: ctx.store.list("billing_portal.configuration").length === 0,
    livemode: false,
    login_page: { enabled: false, url: null },
    metadata: applyMetadata(null, params.metadata),
    name: params.name || null,
    updated: ctx.now(),
  };
  ctx.store.put("billing_portal.configuration", configuration);
  ctx.emit("billing_portal.configuration.created", configuration);
  return configuration;
}

function updateConfiguration(
  ctx: SimContext,
  id: string,
  params: Stored<Stripe.BillingPortal.ConfigurationUpdateParams>,
): Configuration {
  const before = ctx.store.getOrThrow("billing_portal.configuration", id);
  const updated = ctx.store.update("billing_portal.configuration", id, {
    active: params.active ?? before.active,
    features: readFeatures(params.features, before.features),
    metadata: applyMetadata(before.metadata, params.metadata),
    updated: ctx.now(),
    ...(params.default_return_url === undefined
      ? {}
      : { default_return_url: params.default_return_url || null }),
  });
  ctx.emit("billing_portal.configuration.updated", updated);
  return updated;
}

function createSession(
  ctx: SimContext,
  params: Stored<Stripe.BillingPortal.SessionCreateParams>,
): ObjectOf<"billing_portal.session"> {
  if (params.customer === undefined)
    throw invalidRequest("Missing required param: customer.", {
      code: "parameter_missing",
      param: "customer",
    });
  const customer = ctx.store.getOrThrow("customer", params.customer, "customer");
  const configuration =
    params.configuration === undefined
      ? (ctx.store.list("billing_portal.configuration").find(({ is_default }) => is_default) ??
        createConfiguration(ctx, { features: {} }))
      : ctx.store.getOrThrow("billing_portal.configuration", params.configuration, "configuration");
  const id = ctx.newId("bps");
  const session: ObjectOf<"billing_portal.session"> = {
    id,
    object: "billing_portal.session",
    configuration: configuration.id,
    created: ctx.now(),
    customer: customer.id,
    customer_account: null,
    flow: null,
    livemode: false,
    locale: null,
    on_behalf_of: null,
    return_url: params.return_url ?? configuration.default_return_url,
    url: `${ctx.baseUrl}/p/session/${id}`,
  };
  ctx.store.put("billing_portal.session", session);
  ctx.emit("billing_portal.session.created", session);
  return session;
}

export const portalRoutes: Route[] = [
  route<Stripe.BillingPortal.ConfigurationCreateParams>(
    "POST",
    "/v1/billing_portal/configurations",
    { params: "BillingPortal.ConfigurationCreateParams", response: "BillingPortal.Configuration" },
    (ctx, { params }) => createConfiguration(ctx, params),
  ),
  route(
    "GET",
    "/v1/billing_portal/configurations/:id",
    { response: "BillingPortal.Configuration" },
    (ctx, { path }) => ctx.store.getOrThrow("billing_portal.configuration", path["id"] ?? ""),
  ),
  route<Stripe.BillingPortal.ConfigurationUpdateParams>(
    "POST",
    "/v1/billing_portal/configurations/:id",
    { params: "BillingPortal.ConfigurationUpdateParams", response: "BillingPortal.Configuration" },
    (ctx, { params, path }) => updateConfiguration(ctx, path["id"] ?? "", params),
  ),
  listRoute<Stripe.BillingPortal.ConfigurationListParams>(
    "/v1/billing_portal/configurations",
    { params: "BillingPortal.ConfigurationListParams", response: "BillingPortal.Configuration" },
    (ctx, { params }) =>
      ctx.store
        .list("billing_portal.configuration")
        .toReversed()
        .filter((each) => isAsked(each.active, params.active) && isAsked(each.is_default, params.is_default)),
  ),
  route<Stripe.BillingPortal.SessionCreateParams>(
    "POST",
    "/v1/billing_portal/sessions",
    {
      params: "BillingPortal.SessionCreateParams",
      response: "BillingPortal.Session",
      unsupported: ["flow_data", "on_behalf_of"],
    },
    (ctx, { params }) => createSession(ctx, params),
  ),
];
