import type Stripe from "stripe";
import { settleInvoicePayment } from "../billing/settle.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest, resourceMissing, StripeError } from "../errors.ts";
import { listRoute, route, type Route, type SimRequest } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { attemptPayment, declinePayment } from "../payments/attempt.ts";
import { newPaymentIntent } from "../payments/payment-intents.ts";
import { attachPaymentMethod, resolvePaymentMethod } from "../payments/payment-methods.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange } from "./filters.ts";
import { methodOf } from "./setup-intents.ts";

type PaymentIntent = ObjectOf<"payment_intent">;
type CreateParams = Stored<Stripe.PaymentIntentCreateParams>;
type ConfirmParams = Stored<Stripe.PaymentIntentConfirmParams>;

const MIN_AMOUNT_MINOR = 50;
const NOT_SIMULATED = [
  "capture_method",
  "application_fee_amount",
  "confirmation_token",
  "mandate",
  "on_behalf_of",
  "transfer_data",
];

function createIntent(ctx: SimContext, params: CreateParams): PaymentIntent {
  if (params.amount < MIN_AMOUNT_MINOR)
    throw invalidRequest("Amount must be at least $0.50 usd", { code: "amount_too_small", param: "amount" });
  if (params.customer !== undefined) ctx.store.getOrThrow("customer", params.customer, "customer");
  const method = methodOf(ctx, params);
  const intent = newPaymentIntent(ctx, {
    amount: params.amount,
    currency: params.currency.toLowerCase(),
    customer: params.customer ?? null,
    description: params.description ?? null,
    metadata: applyMetadata(null, params.metadata),
    receipt_email: params.receipt_email ?? null,
    setup_future_usage: params.setup_future_usage ?? null,
    _payment: {
      invoiceId: null,
      isOffSession: params.off_session !== undefined && params.off_session !== false,
      challengedPaymentMethodId: null,
      returnUrl: params.return_url ?? null,
    },
    ...(method === undefined ? {} : { payment_method: method.id, status: "requires_confirmation" as const }),
  });
  return params.confirm === true
    ? confirm(ctx, intent, { error_on_requires_action: params.error_on_requires_action ?? false })
    : intent;
}

function confirm(ctx: SimContext, intent: PaymentIntent, params: ConfirmParams): PaymentIntent {
  if (!["requires_payment_method", "requires_confirmation", "requires_action"].includes(intent.status))
    throw invalidRequest(
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`,
      {
        code: "payment_intent_unexpected_state",
      },
    );
  const given = methodOf(ctx, params);
  const method =
    given ?? (intent.payment_method === null ? undefined : resolvePaymentMethod(ctx, intent.payment_method));
  if (method === undefined)
    throw invalidRequest(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: "payment_intent_unexpected_state" },
    );
  const { invoiceId } = intent._payment;
  // Whoever confirms an invoice's intent through the API is there, though the invoice itself was charged off session.
  const isOffSession =
    params.off_session === undefined
      ? invoiceId === null && intent._payment.isOffSession
      : params.off_session !== false;
  const current = ctx.store.update("payment_intent", intent.id, {
    ...(params.setup_future_usage ? { setup_future_usage: params.setup_future_usage } : {}),
    _payment: { ...intent._payment, isOffSession, returnUrl: params.return_url ?? intent._payment.returnUrl },
  });
  return pay(ctx, current, method, params.error_on_requires_action === true || isOffSession);
}

/** Without the customer a challenge cannot be met: the payment is declined with `authentication_required`, as at Stripe. */
function pay(
  ctx: SimContext,
  intent: PaymentIntent,
  method: ObjectOf<"payment_method">,
  isAlone: boolean,
): PaymentIntent {
  const attempt = attemptPayment(ctx, intent, method);
  const settled =
    attempt.outcome === "requires_action" && isAlone
      ? declinePayment(ctx, attempt.paymentIntent, method, {
          code: "authentication_required",
          declineCode: "authentication_required",
        })
      : attempt;
  if (settled.outcome !== "requires_action" && intent._payment.invoiceId !== null)
    settleInvoicePayment(ctx, settled.paymentIntent);
  if (settled.outcome === "failed") throw new StripeError(402, settled.error);
  const isKept = settled.outcome === "succeeded" && settled.paymentIntent.setup_future_usage !== null;
  const current = ctx.store.getOrThrow("payment_method", method.id);
  if (isKept && intent.customer !== null && current.customer === null)
    attachPaymentMethod(ctx, current, intent.customer);
  return ctx.store.getOrThrow("payment_intent", intent.id);
}

function findIntent(ctx: SimContext, { path, clientSecret }: SimRequest<object>): PaymentIntent {
  const intent = ctx.store.getOrThrow("payment_intent", path["id"] ?? "");
  if (clientSecret !== null && clientSecret !== intent.client_secret)
    throw resourceMissing("payment_intent", intent.id, "intent");
  return intent;
}

function cancel(
  ctx: SimContext,
  intent: PaymentIntent,
  reason: PaymentIntent["cancellation_reason"],
): PaymentIntent {
  if (intent.status === "succeeded" || intent.status === "canceled")
    throw invalidRequest(
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`,
      {
        code: "payment_intent_unexpected_state",
      },
    );
  const canceled = ctx.store.update("payment_intent", intent.id, {
    status: "canceled",
    canceled_at: ctx.now(),
    cancellation_reason: reason,
    next_action: null,
  });
  ctx.emit("payment_intent.canceled", canceled);
  return canceled;
}

function update(
  ctx: SimContext,
  intent: PaymentIntent,
  params: Stored<Stripe.PaymentIntentUpdateParams>,
): PaymentIntent {
  const method = methodOf(ctx, params);
  return ctx.store.update("payment_intent", intent.id, {
    metadata: applyMetadata(intent.metadata, params.metadata),
    ...(params.amount === undefined ? {} : { amount: params.amount }),
    ...(params.description === undefined ? {} : { description: params.description || null }),
    ...(method === undefined ? {} : { payment_method: method.id, status: "requires_confirmation" as const }),
  });
}

export const paymentIntentRoutes: Route[] = [
  route<Stripe.PaymentIntentCreateParams>(
    "POST",
    "/v1/payment_intents",
    { params: "PaymentIntentCreateParams", response: "PaymentIntent", unsupported: NOT_SIMULATED },
    (ctx, { params }) => createIntent(ctx, params),
  ),
  route(
    "GET",
    "/v1/payment_intents/:id",
    { response: "PaymentIntent", browsers: "with-client-secret" },
    findIntent,
  ),
  route<Stripe.PaymentIntentUpdateParams>(
    "POST",
    "/v1/payment_intents/:id",
    { params: "PaymentIntentUpdateParams", response: "PaymentIntent" },
    (ctx, request) => update(ctx, findIntent(ctx, request as never), request.params),
  ),
  route<Stripe.PaymentIntentConfirmParams>(
    "POST",
    "/v1/payment_intents/:id/confirm",
    {
      params: "PaymentIntentConfirmParams",
      response: "PaymentIntent",
      browsers: "with-client-secret",
      unsupported: NOT_SIMULATED,
    },
    (ctx, request) => confirm(ctx, findIntent(ctx, request as never), request.params),
  ),
  route<Stripe.PaymentIntentCancelParams>(
    "POST",
    "/v1/payment_intents/:id/cancel",
    { params: "PaymentIntentCancelParams", response: "PaymentIntent" },
    (ctx, request) =>
      cancel(ctx, findIntent(ctx, request as never), request.params.cancellation_reason ?? null),
  ),
  listRoute<Stripe.PaymentIntentListParams>(
    "/v1/payment_intents",
    { params: "PaymentIntentListParams", response: "PaymentIntent" },
    (ctx, { params }) =>
      ctx.store
        .list("payment_intent")
        .toReversed()
        .filter((each) => isAsked(each.customer, params.customer) && inRange(each.created, params.created)),
  ),
];
