import type Stripe from "stripe";
import { recordChange } from "../billing/record-change.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { attachPaymentMethod, createCard, resolvePaymentMethod } from "../payments/payment-methods.ts";
import type { Stored } from "../stored.ts";
import { isAsked } from "./filters.ts";

type PaymentMethod = ObjectOf<"payment_method">;

function createMethod(ctx: SimContext, params: Stored<Stripe.PaymentMethodCreateParams>): PaymentMethod {
  if (params.type !== "card" || params.card === undefined)
    throw invalidRequest("The simulator knows payment methods of type card only: pass type=card and card.", {
      param: "type",
    });
  return createCard(ctx, {
    card: params.card,
    metadata: applyMetadata(null, params.metadata),
    ...(params.billing_details === undefined ? {} : { billingDetails: params.billing_details }),
  });
}

function updateMethod(
  ctx: SimContext,
  id: string,
  params: Stored<Stripe.PaymentMethodUpdateParams>,
): PaymentMethod {
  const before = ctx.store.getOrThrow("payment_method", id);
  if (before.customer === null)
    throw invalidRequest("You must save this PaymentMethod to a customer before you can update it.");
  const { exp_month, exp_year } = params.card ?? {};
  const { email, name, phone } = params.billing_details ?? {};
  return recordChange(ctx, "payment_method", id, {
    metadata: applyMetadata(before.metadata, params.metadata),
    ...(params.allow_redisplay === undefined ? {} : { allow_redisplay: params.allow_redisplay }),
    ...(before.card === undefined
      ? {}
      : {
          card: {
            ...before.card,
            exp_month: exp_month ?? before.card.exp_month,
            exp_year: exp_year ?? before.card.exp_year,
          },
        }),
    billing_details: {
      ...before.billing_details,
      ...(email === undefined ? {} : { email: email || null }),
      ...(name === undefined ? {} : { name: name || null }),
      ...(phone === undefined ? {} : { phone: phone || null }),
    },
  });
}

/** Takes a card off its customer: whatever named it as default names it no longer, and it can never be used again. */
function detachPaymentMethod(ctx: SimContext, id: string): PaymentMethod {
  const before = ctx.store.getOrThrow("payment_method", id);
  if (before.customer === null)
    throw invalidRequest(
      "The payment method you provided is not attached to a customer so detachment is impossible.",
      {
        code: "payment_method_unexpected_state",
      },
    );
  const customer = ctx.store.getOrThrow("customer", before.customer);
  if (customer.invoice_settings.default_payment_method === id) {
    const settings = { ...customer.invoice_settings, default_payment_method: null };
    recordChange(ctx, "customer", customer.id, { invoice_settings: settings });
  }
  for (const subscription of ctx.store.list("subscription"))
    if (subscription.default_payment_method === id)
      recordChange(ctx, "subscription", subscription.id, { default_payment_method: null });
  const detached = ctx.store.update("payment_method", id, {
    customer: null,
    _card: { ...before._card, isDetached: true },
  });
  ctx.emit("payment_method.detached", detached, { customer: before.customer });
  return detached;
}

const listMethods = (
  ctx: SimContext,
  customer: string | undefined,
  type: string | undefined,
): PaymentMethod[] =>
  ctx.store
    .list("payment_method")
    .toReversed()
    .filter(
      (each) =>
        each.customer !== null && isAsked(each.customer, customer) && isAsked<string>(each.type, type),
    );

export const paymentMethodRoutes: Route[] = [
  route<Stripe.PaymentMethodCreateParams>(
    "POST",
    "/v1/payment_methods",
    { params: "PaymentMethodCreateParams", response: "PaymentMethod", browsers: "always" },
    (ctx, { params }) => createMethod(ctx, params),
  ),
  route("GET", "/v1/payment_methods/:id", { response: "PaymentMethod" }, (ctx, { path }) =>
    ctx.store.getOrThrow("payment_method", path["id"] ?? ""),
  ),
  route<Stripe.PaymentMethodUpdateParams>(
    "POST",
    "/v1/payment_methods/:id",
    { params: "PaymentMethodUpdateParams", response: "PaymentMethod" },
    (ctx, { params, path }) => updateMethod(ctx, path["id"] ?? "", params),
  ),
  route<Stripe.PaymentMethodAttachParams>(
    "POST",
    "/v1/payment_methods/:id/attach",
    { params: "PaymentMethodAttachParams", response: "PaymentMethod" },
    (ctx, { params, path }) => {
      if (params.customer === undefined)
        throw invalidRequest("Missing required param: customer.", {
          code: "parameter_missing",
          param: "customer",
        });
      return attachPaymentMethod(ctx, resolvePaymentMethod(ctx, path["id"] ?? "", "id"), params.customer);
    },
  ),
  route("POST", "/v1/payment_methods/:id/detach", { response: "PaymentMethod" }, (ctx, { path }) =>
    detachPaymentMethod(ctx, path["id"] ?? ""),
  ),
  listRoute<Stripe.PaymentMethodListParams>(
    "/v1/payment_methods",
    { params: "PaymentMethodListParams", response: "PaymentMethod" },
    (ctx, { params }) => listMethods(ctx, params.customer, params.type),
  ),
  listRoute<Stripe.CustomerListPaymentMethodsParams>(
    "/v1/customers/:id/payment_methods",
    { params: "CustomerListPaymentMethodsParams", response: "PaymentMethod" },
    (ctx, { params, path }) =>
      listMethods(ctx, ctx.store.getOrThrow("customer", path["id"] ?? "").id, params.type),
  ),
  route("GET", "/v1/customers/:id/payment_methods/:method", { response: "PaymentMethod" }, (ctx, { path }) =>
    ctx.store.getOrThrow("payment_method", path["method"] ?? ""),
  ),
];
