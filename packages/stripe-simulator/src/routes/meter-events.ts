import type Stripe from "stripe";
import {
  cancelMeterEvent,
  type MeterEventInput,
  recordMeterEvent,
  recordStream,
} from "../billing/meter-events.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { type Route, route } from "../http/routes.ts";

/** The package does not export it by name. */
type StreamParams = Parameters<Stripe["v2"]["billing"]["meterEventStream"]["create"]>[0];

const MAX_STREAM_EVENTS = 100;
const SESSION_SECONDS = 15 * 60;
const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString();

function v2Input(event: Stripe.V2.Billing.MeterEventCreateParams): MeterEventInput {
  const millis = event.timestamp === undefined ? undefined : Date.parse(event.timestamp);
  if (Number.isNaN(millis))
    throw invalidRequest(`Invalid timestamp: ${event.timestamp}`, { param: "timestamp" });
  return {
    eventName: event.event_name,
    payload: event.payload,
    identifier: event.identifier,
    timestamp: millis === undefined ? undefined : Math.floor(millis / 1_000),
  };
}

function openSession(ctx: SimContext): object {
  const session = { id: ctx.newId("rk_test"), expiresAt: ctx.now() + SESSION_SECONDS };
  ctx.store.put("sim.meter_event_session", session);
  return {
    id: ctx.newId("bmes_test"),
    object: "v2.billing.meter_event_session",
    authentication_token: session.id,
    created: iso(ctx.now()),
    expires_at: iso(session.expiresAt),
    livemode: false,
  };
}

export const meterEventRoutes: Route[] = [
  route<Stripe.Billing.MeterEventCreateParams>(
    "POST",
    "/v1/billing/meter_events",
    { params: "Billing.MeterEventCreateParams", response: "Billing.MeterEvent" },
    (ctx, { params }) => {
      const { event_name: eventName, payload, identifier, timestamp } = params;
      const { id: _, ...event } = recordMeterEvent(ctx, { eventName, payload, identifier, timestamp });
      return event;
    },
  ),
  route<Stripe.Billing.MeterEventAdjustmentCreateParams>(
    "POST",
    "/v1/billing/meter_event_adjustments",
    { params: "Billing.MeterEventAdjustmentCreateParams", response: "Billing.MeterEventAdjustment" },
    (ctx, { params }) => {
      const identifier = params.cancel?.identifier;
      if (identifier === undefined) {
        throw invalidRequest("Missing required param: cancel[identifier].", {
          code: "parameter_missing",
          param: "cancel[identifier]",
        });
      }
      cancelMeterEvent(ctx, params.event_name, identifier);
      const { event_name } = params;
      const object = "billing.meter_event_adjustment";
      return {
        object,
        cancel: { identifier },
        event_name,
        livemode: false,
        status: "pending",
        type: "cancel",
      };
    },
  ),
  route<Stripe.V2.Billing.MeterEventCreateParams>(
    "POST",
    "/v2/billing/meter_events",
    { params: "V2.Billing.MeterEventCreateParams", response: "V2.Billing.MeterEvent" },
    (ctx, { params }) => {
      const { event_name, identifier, payload, created, timestamp } = recordMeterEvent(ctx, v2Input(params));
      const times = { created: iso(created), timestamp: iso(timestamp) };
      return { object: "v2.billing.meter_event", event_name, identifier, livemode: false, payload, ...times };
    },
  ),
  route<Stripe.V2.Billing.MeterEventAdjustmentCreateParams>(
    "POST",
    "/v2/billing/meter_event_adjustments",
    { params: "V2.Billing.MeterEventAdjustmentCreateParams", response: "V2.Billing.MeterEventAdjustment" },
    (ctx, { params }) => {
      cancelMeterEvent(ctx, params.event_name, params.cancel.identifier);
      return {
        id: ctx.newId("mtradj_test"),
        object: "v2.billing.meter_event_adjustment",
        cancel: params.cancel,
        created: iso(ctx.now()),
        event_name: params.event_name,
        livemode: false,
        status: "pending",
        type: "cancel",
      };
    },
  ),
  route(
    "POST",
    "/v2/billing/meter_event_session",
    { params: "V2.Billing.MeterEventSessionCreateParams", response: "V2.Billing.MeterEventSession" },
    openSession,
  ),
  route<StreamParams>(
    "POST",
    "/v2/billing/meter_event_stream",
    { params: "V2.Billing.MeterEventStreamCreateParams" },
    (ctx, { params }) => {
      if (params.events.length > MAX_STREAM_EVENTS) {
        throw invalidRequest(`A request takes at most ${MAX_STREAM_EVENTS} events.`, { param: "events" });
      }
      recordStream(ctx, params.events.map(v2Input));
      // The SDK takes an empty body for an error, so Stripe's answer here is an empty object.
      return {};
    },
  ),
];
