import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { newSetupIntent } from "../payments/setup-intents.ts";
import { createPrice } from "../routes/prices.ts";
import type { Stored } from "../stored.ts";

type Session = ObjectOf<"checkout.session">;
type CreateParams = Stored<Stripe.Checkout.SessionCreateParams>;

const HOUR_SECONDS = 3600;
const EXPIRES_AFTER_SECONDS = { min: HOUR_SECONDS / 2, max: 24 * HOUR_SECONDS };

/** Opens a Checkout Session in subscription or setup mode; it expires after 24 simulated hours unless told otherwise. */
export function createSession(ctx: SimContext, params: CreateParams): Session {
  const mode = params.mode ?? "payment";
  if (mode !== "subscription" && mode !== "setup")
    throw invalidRequest("The simulator's Checkout knows the modes subscription and setup.", {
      param: "mode",
    });
  refuseUnsupported(params);
  const customer =
    params.customer === undefined ? null : ctx.store.getOrThrow("customer", params.customer, "customer");
  if (customer !== null && params.customer_email !== undefined)
    throw invalidRequest("You may only specify one of these parameters: customer, customer_email.");
  const lineItems = mode === "subscription" ? readLineItems(ctx, params) : [];
  const amount = lineItems.reduce(
    (sum, { price, quantity }) =>
      sum + (ctx.store.getOrThrow("price", price).unit_amount ?? 0) * (quantity ?? 0),
    0,
  );
  const id = ctx.newId("cs_test");
  const setupIntent =
    mode === "setup"
      ? newSetupIntent(ctx, {
          customer: customer?.id ?? null,
          description: params.setup_intent_data?.description ?? null,
          metadata: applyMetadata(null, params.setup_intent_data?.metadata),
        })
      : null;
  const session: Session = {
    ...emptySession,
    id,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    amount_subtotal: mode === "setup" ? null : amount,
    amount_total: mode === "setup" ? null : amount,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    created: ctx.now(),
    currency: currencyOf(ctx, lineItems) ?? params.currency ?? null,
    customer: customer?.id ?? null,
    customer_creation: mode === "subscription" ? "always" : null,
    customer_email: params.customer_email ?? null,
    expires_at: readExpiry(ctx, params.expires_at),
    metadata: applyMetadata(null, params.metadata),
    mode,
    payment_method_collection: params.payment_method_collection ?? "always",
    payment_status: mode === "setup" ? "no_payment_required" : "unpaid",
    setup_intent: setupIntent?.id ?? null,
    success_url: params.success_url ?? null,
    total_details: mode === "setup" ? null : { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    url: `${ctx.baseUrl}/c/pay/${id}`,
    _checkout: {
      lineItems,
      subscriptionData: { ...params.subscription_data },
      challengedPaymentMethodId: null,
    },
  };
  ctx.store.put("checkout.session", session);
  return session;
}

function refuseUnsupported(params: CreateParams): void {
  if (params.ui_mode !== undefined && params.ui_mode !== "hosted_page")
    throw invalidRequest("The simulator's Checkout is a hosted page: leave out ui_mode.", {
      param: "ui_mode",
    });
  if (params.success_url === undefined)
    throw invalidRequest("Missing required param: success_url.", {
      code: "parameter_missing",
      param: "success_url",
    });
  if (params.automatic_tax?.enabled === true)
    throw invalidRequest("The simulator computes no tax.", { param: "automatic_tax[enabled]" });
}

function readLineItems(ctx: SimContext, params: CreateParams): Session["_checkout"]["lineItems"] {
  const lineItems = (params.line_items ?? []).map((item, index) => {
    if (item.price === undefined && item.price_data === undefined)
      throw invalidRequest("Missing required param: line_items[0][price].", {
        code: "parameter_missing",
        param: `line_items[${index}][price]`,
      });
    const price =
      item.price === undefined
        ? createPrice(ctx, item.price_data as Stored<Stripe.PriceCreateParams>)
        : ctx.store.getOrThrow("price", item.price, `line_items[${index}][price]`);
    if (!price.active)
      throw invalidRequest("The price specified is inactive. This field only accepts active prices.", {
        param: `line_items[${index}][price]`,
      });
    const isMetered = price.recurring?.usage_type === "metered";
    if (isMetered && item.quantity !== undefined)
      throw invalidRequest("Quantity should not be specified where usage_type is `metered`.", {
        param: `line_items[${index}][quantity]`,
      });
    if (!isMetered && item.quantity === undefined)
      throw invalidRequest("Quantity is required.", {
        code: "parameter_missing",
        param: `line_items[${index}][quantity]`,
      });
    return { id: ctx.newId("li"), price: price.id, quantity: isMetered ? null : (item.quantity ?? 1) };
  });
  if (!lineItems.some(({ price }) => ctx.store.getOrThrow("price", price).type === "recurring"))
    throw invalidRequest(
      "You must provide at least one recurring price in `subscription` mode when using prices.",
      { param: "line_items" },
    );
  return lineItems;
}

function readExpiry(ctx: SimContext, expiresAt: number | undefined): number {
  const { min, max } = EXPIRES_AFTER_SECONDS;
  if (expiresAt === undefined) return ctx.now() + max;
  if (expiresAt < ctx.now() + min)
    throw invalidRequest(
      "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
      { param: "expires_at" },
    );
  if (expiresAt > ctx.now() + max)
    throw invalidRequest(
      "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
      { param: "expires_at" },
    );
  return expiresAt;
}

const currencyOf = (ctx: SimContext, [first]: Session["_checkout"]["lineItems"]): string | undefined =>
  first === undefined ? undefined : ctx.store.getOrThrow("price", first.price).currency;

const emptySession = {
  object: "checkout.session",
  adaptive_pricing: null,
  after_expiration: null,
  allowed_payment_method_types: null,
  automatic_tax: { enabled: false, liability: null, provider: null, status: null },
  billing_address_collection: null,
  client_secret: null,
  collected_information: null,
  consent: null,
  consent_collection: null,
  currency_conversion: null,
  custom_fields: [],
  custom_text: {
    after_submit: null,
    shipping_address: null,
    submit: null,
    terms_of_service_acceptance: null,
  },
  customer_account: null,
  customer_details: null,
  discounts: null,
  integration_identifier: null,
  invoice: null,
  invoice_creation: null,
  livemode: false,
  locale: null,
  managed_payments: null,
  origin_context: null,
  payment_intent: null,
  payment_link: null,
  payment_method_configuration_details: null,
  payment_method_options: {},
  payment_method_types: ["card"],
  permissions: null,
  recovered_from: null,
  saved_payment_method_options: null,
  shipping_address_collection: null,
  shipping_cost: null,
  shipping_options: [],
  status: "open",
  submit_type: null,
  subscription: null,
  ui_mode: "hosted_page",
  wallet_options: null,
} satisfies Partial<Session>;
