import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, resourceMissing } from "../errors.ts";
import { listRoute, route, type Route, type SimRequest } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { resolvePaymentMethod } from "../payments/payment-methods.ts";
import { confirmSetup, newSetupIntent } from "../payments/setup-intents.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange } from "./filters.ts";

type SetupIntent = ObjectOf<"setup_intent">;

interface MethodParams {
  payment_method?: string;
  payment_method_data?: object;
}

/** The card that a creation or a confirmation names, or undefined. */
export function methodOf(ctx: SimContext, params: MethodParams): ObjectOf<"payment_method"> | undefined {
  if (params.payment_method_data !== undefined)
    throw invalidRequest(
      "The simulator takes cards as payment_method: make one with /v1/payment_methods first.",
      {
        param: "payment_method_data",
      },
    );
  return params.payment_method === undefined ? undefined : resolvePaymentMethod(ctx, params.payment_method);
}

function createIntent(ctx: SimContext, params: Stored<Stripe.SetupIntentCreateParams>): SetupIntent {
  if (params.customer !== undefined) ctx.store.getOrThrow("customer", params.customer, "customer");
  const method = methodOf(ctx, params);
  const intent = newSetupIntent(ctx, {
    customer: params.customer ?? null,
    description: params.description ?? null,
    metadata: applyMetadata(null, params.metadata),
    usage: params.usage ?? "off_session",
    _returnUrl: params.return_url ?? null,
    ...(method === undefined ? {} : { payment_method: method.id, status: "requires_confirmation" as const }),
  });
  return params.confirm === true ? confirm(ctx, intent, params) : intent;
}

function confirm(
  ctx: SimContext,
  intent: SetupIntent,
  params: MethodParams & { return_url?: string },
): SetupIntent {
  const method =
    intent.payment_method === null
      ? methodOf(ctx, params)
      : (methodOf(ctx, params) ?? resolvePaymentMethod(ctx, intent.payment_method));
  if (method === undefined)
    throw invalidRequest(
      "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.",
      { code: "setup_intent_unexpected_state" },
    );
  const current =
    params.return_url === undefined
      ? intent
      : ctx.store.update("setup_intent", intent.id, { _returnUrl: params.return_url });
  return confirmSetup(ctx, current, method);
}

/** An intent named in the path; a browser must show its client secret. */
function findIntent(ctx: SimContext, { path, clientSecret }: SimRequest<object>): SetupIntent {
  const intent = ctx.store.getOrThrow("setup_intent", path["id"] ?? "");
  if (clientSecret !== null && clientSecret !== intent.client_secret)
    throw resourceMissing("setupintent", intent.id, "intent");
  return intent;
}

function cancel(
  ctx: SimContext,
  intent: SetupIntent,
  reason: SetupIntent["cancellation_reason"],
): SetupIntent {
  if (intent.status === "succeeded" || intent.status === "canceled")
    throw invalidRequest(`You cannot cancel this SetupIntent because it has a status of ${intent.status}.`, {
      code: "setup_intent_unexpected_state",
    });
  const canceled = ctx.store.update("setup_intent", intent.id, {
    status: "canceled",
    cancellation_reason: reason,
    next_action: null,
  });
  ctx.emit("setup_intent.canceled", canceled);
  return canceled;
}

export const setupIntentRoutes: Route[] = [
  route<Stripe.SetupIntentCreateParams>(
    "POST",
    "/v1/setup_intents",
    {
      params: "SetupIntentCreateParams",
      response: "SetupIntent",
      unsupported: ["attach_to_self", "confirmation_token", "flow_directions", "on_behalf_of", "single_use"],
    },
    (ctx, { params }) => createIntent(ctx, params),
  ),
  route(
    "GET",
    "/v1/setup_intents/:id",
    { response: "SetupIntent", browsers: "with-client-secret" },
    findIntent,
  ),
  route<Stripe.SetupIntentConfirmParams>(
    "POST",
    "/v1/setup_intents/:id/confirm",
    { params: "SetupIntentConfirmParams", response: "SetupIntent", browsers: "with-client-secret" },
    (ctx, request) => confirm(ctx, findIntent(ctx, request as never), request.params),
  ),
  route<Stripe.SetupIntentCancelParams>(
    "POST",
    "/v1/setup_intents/:id/cancel",
    { params: "SetupIntentCancelParams", response: "SetupIntent" },
    (ctx, request) =>
      cancel(ctx, findIntent(ctx, request as never), request.params.cancellation_reason ?? null),
  ),
  listRoute<Stripe.SetupIntentListParams>(
    "/v1/setup_intents",
    { params: "SetupIntentListParams", response: "SetupIntent" },
    (ctx, { params }) =>
      ctx.store
        .list("setup_intent")
        .toReversed()
        .filter(
          (each) =>
            isAsked(each.customer, params.customer) &&
            isAsked(each.payment_method, params.payment_method) &&
            inRange(each.created, params.created),
        ),
  ),
];
