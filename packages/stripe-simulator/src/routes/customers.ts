import type Stripe from "stripe";
import { recordChange } from "../billing/record-change.ts";
import { cancelSubscription } from "../billing/cancel-subscription.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { Includes } from "../http/expand.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { attachPaymentMethod, resolvePaymentMethod } from "../payments/payment-methods.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange, orNull } from "./filters.ts";

type Customer = ObjectOf<"customer">;
type CreateParams = Stored<Stripe.CustomerCreateParams>;
type UpdateParams = Stored<Stripe.CustomerUpdateParams>;

/** Makes a customer on the test clock and emits `customer.created`; `payment_method` is attached at once. */
export function createCustomer(ctx: SimContext, params: CreateParams): Customer {
  const clock = ctx.store.list("test_helpers.test_clock")[0];
  if (params.test_clock !== undefined)
    ctx.store.getOrThrow("test_helpers.test_clock", params.test_clock, "test_clock");
  const id = ctx.newId("cus");
  const customer: Customer = {
    id,
    object: "customer",
    address: null,
    balance: params.balance ?? 0,
    created: ctx.now(),
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: params.invoice_prefix ?? id.slice(-8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: {},
    name: null,
    next_invoice_sequence: params.next_invoice_sequence ?? 1,
    phone: null,
    preferred_locales: params.preferred_locales ?? [],
    shipping: null,
    tax_exempt: "none",
    test_clock: params.test_clock ?? clock?.id ?? null,
    ...changeOf(params, {}),
  };
  ctx.store.put("customer", customer);
  if (params.payment_method !== undefined)
    attachPaymentMethod(ctx, resolvePaymentMethod(ctx, params.payment_method), id);
  const settings = readInvoiceSettings(ctx, customer, params.invoice_settings);
  const made = ctx.store.update("customer", id, { invoice_settings: settings });
  ctx.emit("customer.created", made);
  return made;
}

function updateCustomer(ctx: SimContext, id: string, params: UpdateParams): Customer {
  const before = ctx.store.getOrThrow("customer", id);
  const change = {
    ...changeOf(params, before.metadata),
    invoice_settings: readInvoiceSettings(ctx, before, params.invoice_settings),
  };
  return recordChange(ctx, "customer", id, change);
}

function changeOf(params: CreateParams | UpdateParams, metadata: Record<string, string>): Partial<Customer> {
  const { address, shipping } = params;
  const texts = (["description", "email", "name", "phone"] as const).flatMap((key) =>
    params[key] === undefined ? [] : [[key, params[key] || null]],
  );
  return {
    ...(Object.fromEntries(texts) as Partial<Customer>),
    ...(params.balance === undefined ? {} : { balance: params.balance }),
    ...(params.tax_exempt === undefined ? {} : { tax_exempt: orNull(params.tax_exempt) ?? "none" }),
    ...(address === undefined
      ? {}
      : { address: address === "" || address === null ? null : fullAddress(address) }),
    ...(shipping === undefined
      ? {}
      : {
          shipping:
            shipping === "" || shipping === null
              ? null
              : { name: shipping.name, address: fullAddress(shipping.address) },
        }),
    metadata: applyMetadata(metadata, params.metadata),
  };
}

const fullAddress = (address: Stored<Stripe.AddressParam>): Stored<Stripe.Address> => ({
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
  ...address,
});

function readInvoiceSettings(
  ctx: SimContext,
  { id, invoice_settings: before }: Customer,
  settings: CreateParams["invoice_settings"],
): Customer["invoice_settings"] {
  const method = settings?.default_payment_method;
  if (
    method !== undefined &&
    method !== "" &&
    ctx.store.getOrThrow("payment_method", method, "invoice_settings[default_payment_method]").customer !== id
  )
    throw invalidRequest(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: "resource_missing", param: "invoice_settings[default_payment_method]" },
    );
  return {
    ...before,
    ...(method === undefined ? {} : { default_payment_method: method || null }),
    ...(settings?.footer === undefined ? {} : { footer: settings.footer || null }),
  };
}

function retrieveCustomer(ctx: SimContext, id: string): object {
  return ctx.store.get("sim.deleted_customer", id) ?? ctx.store.getOrThrow("customer", id);
}

/** Cancels the customer's subscriptions, detaches its cards and leaves the tombstone that a retrieve answers with. */
function deleteCustomer(ctx: SimContext, id: string): object {
  const customer = ctx.store.getOrThrow("customer", id);
  for (const subscription of ctx.store.list("subscription"))
    if (subscription.customer === id && !["canceled", "incomplete_expired"].includes(subscription.status))
      cancelSubscription(ctx, subscription.id, {});
  for (const method of ctx.store.list("payment_method"))
    if (method.customer === id)
      ctx.store.update("payment_method", method.id, {
        customer: null,
        _card: { ...method._card, isDetached: true },
      });
  ctx.store.delete("customer", id);
  const deleted = { id, object: "customer" as const, deleted: true as const };
  ctx.store.put("sim.deleted_customer", deleted);
  ctx.emit("customer.deleted", customer);
  return deleted;
}

export const customerIncludes: Includes = {
  customer: {
    subscriptions: (ctx, customer: Customer) => ({
      object: "list",
      data: ctx.store
        .list("subscription")
        .filter(
          (each) =>
            each.customer === customer.id && !["canceled", "incomplete_expired"].includes(each.status),
        )
        .toReversed(),
      has_more: false,
      url: `/v1/customers/${customer.id}/subscriptions`,
    }),
    sources: (_ctx, customer: Customer) => ({
      object: "list",
      data: [],
      has_more: false,
      url: `/v1/customers/${customer.id}/sources`,
    }),
    tax_ids: (_ctx, customer: Customer) => ({
      object: "list",
      data: [],
      has_more: false,
      url: `/v1/customers/${customer.id}/tax_ids`,
    }),
  },
};

export const customerRoutes: Route[] = [
  route<Stripe.CustomerCreateParams>(
    "POST",
    "/v1/customers",
    {
      params: "CustomerCreateParams",
      response: "Customer",
      unsupported: ["cash_balance", "source", "tax_id_data"],
    },
    (ctx, { params }) => createCustomer(ctx, params),
  ),
  route("GET", "/v1/customers/:id", { response: ["Customer", "DeletedCustomer"] }, (ctx, { path }) =>
    retrieveCustomer(ctx, path["id"] ?? ""),
  ),
  route<Stripe.CustomerUpdateParams>(
    "POST",
    "/v1/customers/:id",
    {
      params: "CustomerUpdateParams",
      response: "Customer",
      unsupported: ["cash_balance", "default_source", "source"],
    },
    (ctx, { params, path }) => updateCustomer(ctx, path["id"] ?? "", params),
  ),
  route("DELETE", "/v1/customers/:id", { response: "DeletedCustomer" }, (ctx, { path }) =>
    deleteCustomer(ctx, path["id"] ?? ""),
  ),
  listRoute<Stripe.CustomerListParams>(
    "/v1/customers",
    { params: "CustomerListParams", response: "Customer" },
    (ctx, { params }) =>
      ctx.store
        .list("customer")
        .toReversed()
        .filter(
          (customer) =>
            isAsked(customer.email, params.email) &&
            isAsked(customer.test_clock, params.test_clock) &&
            inRange(customer.created, params.created),
        ),
  ),
];
