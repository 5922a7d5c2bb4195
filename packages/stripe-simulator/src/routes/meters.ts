import type Stripe from "stripe";
import { eventSummaries } from "../billing/meter-summaries.ts";
import type { Meter } from "../billing/meter-usage.ts";
import { recordChange } from "../billing/record-change.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { listRoute, type Route, route, type SimRequest } from "../http/routes.ts";

const response = "Billing.Meter";
const find = (ctx: SimContext, { path }: { path: Record<string, string> }): Meter =>
  ctx.store.getOrThrow("billing.meter", path["id"] ?? "");

function createMeter(ctx: SimContext, { params }: SimRequest<Stripe.Billing.MeterCreateParams>): Meter {
  const isTaken = ctx.store
    .list("billing.meter")
    .some((meter) => meter.event_name === params.event_name && meter.status === "active");
  if (isTaken) {
    throw invalidRequest(`An active meter with event name ${params.event_name} already exists.`, {
      code: "resource_already_exists",
      param: "event_name",
    });
  }
  const meter: Meter = {
    id: ctx.newId("mtr_test"),
    object: "billing.meter",
    created: ctx.now(),
    customer_mapping: params.customer_mapping ?? { event_payload_key: "stripe_customer_id", type: "by_id" },
    default_aggregation: params.default_aggregation,
    display_name: params.display_name,
    event_name: params.event_name,
    event_time_window: params.event_time_window ?? null,
    livemode: false,
    status: "active",
    status_transitions: { deactivated_at: null },
    updated: ctx.now(),
    value_settings: params.value_settings ?? { event_payload_key: "value" },
  };
  ctx.store.put("billing.meter", meter);
  ctx.emit("billing.meter.created", meter);
  return meter;
}

const setStatus = (ctx: SimContext, meter: Meter, isActive: boolean): Meter => {
  const change = {
    status: isActive ? "active" : "inactive",
    status_transitions: { deactivated_at: isActive ? null : ctx.now() },
    updated: ctx.now(),
  };
  const changed = ctx.store.update("billing.meter", meter.id, change);
  ctx.emit(`billing.meter.${isActive ? "reactivated" : "deactivated"}`, changed);
  return changed;
};

export const meterRoutes: Route[] = [
  route<Stripe.Billing.MeterCreateParams>(
    "POST",
    "/v1/billing/meters",
    { params: "Billing.MeterCreateParams", response },
    createMeter,
  ),
  route("GET", "/v1/billing/meters/:id", { params: "Billing.MeterRetrieveParams", response }, find),
  route<Stripe.Billing.MeterUpdateParams>(
    "POST",
    "/v1/billing/meters/:id",
    { params: "Billing.MeterUpdateParams", response },
    (ctx, request) => {
      const meter = find(ctx, request);
      const change = { display_name: request.params.display_name ?? meter.display_name, updated: ctx.now() };
      return recordChange(ctx, "billing.meter", meter.id, change);
    },
  ),
  listRoute<Stripe.Billing.MeterListParams>(
    "/v1/billing/meters",
    { params: "Billing.MeterListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("billing.meter")
        .filter((meter) => params.status === undefined || meter.status === params.status)
        .toReversed(),
  ),
  route(
    "POST",
    "/v1/billing/meters/:id/deactivate",
    { params: "Billing.MeterDeactivateParams", response },
    (ctx, request) => setStatus(ctx, find(ctx, request), false),
  ),
  route(
    "POST",
    "/v1/billing/meters/:id/reactivate",
    { params: "Billing.MeterReactivateParams", response },
    (ctx, request) => setStatus(ctx, find(ctx, request), true),
  ),
  listRoute<Stripe.Billing.MeterListEventSummariesParams>(
    "/v1/billing/meters/:id/event_summaries",
    { params: "Billing.MeterListEventSummariesParams", response: "Billing.MeterEventSummary" },
    (ctx, request) => {
      const { customer, start_time: start, end_time: end, value_grouping_window: window } = request.params;
      const customerId = ctx.store.getOrThrow("customer", customer, "customer").id;
      return eventSummaries(ctx, find(ctx, request), { customerId, start, end, window });
    },
  ),
];
