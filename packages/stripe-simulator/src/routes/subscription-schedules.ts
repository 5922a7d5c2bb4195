import type Stripe from "stripe";
import { cancelSubscription } from "../billing/cancel-subscription.ts";
import { createSchedule, release, requireActive, updateSchedule } from "../billing/schedules.ts";
import { listRoute, type Route, route } from "../http/routes.ts";
import { inRange, isAsked } from "./filters.ts";

const response = "SubscriptionSchedule";
const idOf = (path: Record<string, string>): string => path["id"] ?? "";

export const subscriptionScheduleRoutes: Route[] = [
  route<Stripe.SubscriptionScheduleCreateParams>(
    "POST",
    "/v1/subscription_schedules",
    { params: "SubscriptionScheduleCreateParams", response },
    (ctx, { params }) => createSchedule(ctx, params),
  ),
  route(
    "GET",
    "/v1/subscription_schedules/:id",
    { params: "SubscriptionScheduleRetrieveParams", response },
    (ctx, { path }) => ctx.store.getOrThrow("subscription_schedule", idOf(path)),
  ),
  listRoute<Stripe.SubscriptionScheduleListParams>(
    "/v1/subscription_schedules",
    { params: "SubscriptionScheduleListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("subscription_schedule")
        .filter(
          (schedule) =>
            isAsked(schedule.customer, params.customer) &&
            isAsked(schedule.status === "not_started", params.scheduled) &&
            inRange(schedule.created, params.created),
        )
        .toReversed(),
  ),
  route<Stripe.SubscriptionScheduleUpdateParams>(
    "POST",
    "/v1/subscription_schedules/:id",
    { params: "SubscriptionScheduleUpdateParams", response },
    (ctx, { params, path }) => updateSchedule(ctx, idOf(path), params),
  ),
  route(
    "POST",
    "/v1/subscription_schedules/:id/release",
    { params: "SubscriptionScheduleReleaseParams", response },
    (ctx, { path }) => release(ctx, idOf(path)),
  ),
  route<Stripe.SubscriptionScheduleCancelParams>(
    "POST",
    "/v1/subscription_schedules/:id/cancel",
    { params: "SubscriptionScheduleCancelParams", response },
    (ctx, { params, path }) => {
      const { invoice_now = true, prorate = true } = params;
      cancelSubscription(ctx, requireActive(ctx, idOf(path)).subscription ?? "", { invoice_now, prorate });
      return ctx.store.getOrThrow("subscription_schedule", idOf(path));
    },
  ),
];
