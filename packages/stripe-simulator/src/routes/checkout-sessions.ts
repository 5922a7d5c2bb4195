import type Stripe from "stripe";
import { createSession } from "../checkout/create-session.ts";
import { expireSession } from "../checkout/expire.ts";
import type { SimContext } from "../context.ts";
import type { Includes } from "../http/expand.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import type { ObjectOf } from "../objects.ts";
import { inRange, isAsked } from "./filters.ts";

const NOT_SIMULATED = [
  "after_expiration",
  "custom_fields",
  "discounts",
  "invoice_creation",
  "optional_items",
  "payment_intent_data",
  "shipping_address_collection",
  "shipping_options",
  "tax_id_collection",
];

type Session = ObjectOf<"checkout.session">;

const lineItems = (ctx: SimContext, session: Session): object[] =>
  session._checkout.lineItems.map(({ id, price: priceId, quantity }) => {
    const price = ctx.store.getOrThrow("price", priceId);
    const amount = (price.unit_amount ?? 0) * (quantity ?? 0);
    return {
      id,
      object: "item",
      adjustable_quantity: null,
      amount_discount: 0,
      amount_subtotal: amount,
      amount_tax: 0,
      amount_total: amount,
      currency: price.currency,
      description: ctx.store.get("product", price.product)?.name ?? null,
      metadata: {},
      price,
      quantity,
    };
  });

export const checkoutIncludes: Includes = {
  "checkout.session": {
    line_items: (ctx, session: Session) => ({
      object: "list",
      data: lineItems(ctx, session),
      has_more: false,
      url: `/v1/checkout/sessions/${session.id}/line_items`,
    }),
  },
};

export const checkoutSessionRoutes: Route[] = [
  route<Stripe.Checkout.SessionCreateParams>(
    "POST",
    "/v1/checkout/sessions",
    { params: "Checkout.SessionCreateParams", response: "Checkout.Session", unsupported: NOT_SIMULATED },
    (ctx, { params }) => createSession(ctx, params),
  ),
  route("GET", "/v1/checkout/sessions/:id", { response: "Checkout.Session" }, (ctx, { path }) =>
    ctx.store.getOrThrow("checkout.session", path["id"] ?? ""),
  ),
  route("POST", "/v1/checkout/sessions/:id/expire", { response: "Checkout.Session" }, (ctx, { path }) =>
    expireSession(ctx, ctx.store.getOrThrow("checkout.session", path["id"] ?? "")),
  ),
  listRoute(
    "/v1/checkout/sessions/:id/line_items",
    { params: "Checkout.SessionListLineItemsParams", response: "LineItem" },
    (ctx, { path }) => lineItems(ctx, ctx.store.getOrThrow("checkout.session", path["id"] ?? "")),
  ),
  listRoute<Stripe.Checkout.SessionListParams>(
    "/v1/checkout/sessions",
    { params: "Checkout.SessionListParams", response: "Checkout.Session" },
    (ctx, { params }) =>
      ctx.store
        .list("checkout.session")
        .toReversed()
        .filter(
          (session) =>
            isAsked(session.customer, params.customer) &&
            isAsked(session.subscription, params.subscription) &&
            isAsked<string | null>(session.status, params.status) &&
            isAsked(
              session.customer_details?.email ?? session.customer_email,
              params.customer_details?.email,
            ) &&
            inRange(session.created, params.created),
        ),
  ),
];
