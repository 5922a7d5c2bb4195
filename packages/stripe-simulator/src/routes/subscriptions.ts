import type Stripe from "stripe";
import { cancelSubscription } from "../billing/cancel-subscription.ts";
import { pauseSubscription, resumeSubscription } from "../billing/pause-subscription.ts";
import type { Subscription } from "../billing/subscription-object.ts";
import { createSubscription } from "../billing/subscriptions.ts";
import { updateSubscription } from "../billing/update-subscription.ts";
import type { SimContext } from "../context.ts";
import { listRoute, type Route, route } from "../http/routes.ts";
import { isAsked, inRange } from "./filters.ts";

const response = "Subscription";
const ENDED = ["canceled", "incomplete_expired"];

function isListed(subscription: Subscription, params: Stripe.SubscriptionListParams): boolean {
  const { customer, price, status, collection_method, created, test_clock } = params;
  const isOfStatus =
    status === "all" ||
    (status === "ended"
      ? ENDED.includes(subscription.status)
      : subscription.status === (status ?? subscription.status));
  return (
    isOfStatus &&
    (status !== undefined || subscription.status !== "canceled") &&
    isAsked(subscription.customer, customer) &&
    (price === undefined || subscription.items.data.some((item) => item.price.id === price)) &&
    isAsked(subscription.collection_method, collection_method) &&
    isAsked(subscription.test_clock, test_clock) &&
    inRange(subscription.created, created)
  );
}

const listed = (ctx: SimContext, params: Stripe.SubscriptionListParams): Subscription[] =>
  ctx.store
    .list("subscription")
    .filter((subscription) => isListed(subscription, params))
    .toReversed();

export const subscriptionRoutes: Route[] = [
  route<Stripe.SubscriptionCreateParams>(
    "POST",
    "/v1/subscriptions",
    { params: "SubscriptionCreateParams", response },
    (ctx, { params }) => createSubscription(ctx, params),
  ),
  route("GET", "/v1/subscriptions/:id", { params: "SubscriptionRetrieveParams", response }, (ctx, { path }) =>
    ctx.store.getOrThrow("subscription", path["id"] ?? ""),
  ),
  listRoute<Stripe.SubscriptionListParams>(
    "/v1/subscriptions",
    { params: "SubscriptionListParams", response },
    (ctx, { params }) => listed(ctx, params as Stripe.SubscriptionListParams),
  ),
  route<Stripe.SubscriptionUpdateParams>(
    "POST",
    "/v1/subscriptions/:id",
    { params: "SubscriptionUpdateParams", response },
    (ctx, { params, path }) => updateSubscription(ctx, path["id"] ?? "", params),
  ),
  route<Stripe.SubscriptionCancelParams>(
    "DELETE",
    "/v1/subscriptions/:id",
    { params: "SubscriptionCancelParams", response },
    (ctx, { params, path }) => cancelSubscription(ctx, path["id"] ?? "", params),
  ),
  route<Stripe.SubscriptionPauseParams>(
    "POST",
    "/v1/subscriptions/:id/pause",
    { params: "SubscriptionPauseParams", response },
    (ctx, { params, path }) => pauseSubscription(ctx, path["id"] ?? "", params),
  ),
  route<Stripe.SubscriptionResumeParams>(
    "POST",
    "/v1/subscriptions/:id/resume",
    { params: "SubscriptionResumeParams", response },
    (ctx, { params, path }) => resumeSubscription(ctx, path["id"] ?? "", params),
  ),
];
