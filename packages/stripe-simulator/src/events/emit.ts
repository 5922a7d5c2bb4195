import type { SimContext } from "../context.ts";
import type { DeliveryRecord, ThinEventRecord } from "../objects.ts";
import { render } from "../http/render.ts";
import type { RequestMeta } from "../simulation.ts";
import type { Store } from "../store.ts";
import { API_VERSION } from "../version.ts";

interface EmitterDeps {
  store: Store;
  now(): number;
  nowMs(): number;
  newId(prefix: string): string;
  request: RequestMeta | null;
}

interface Target {
  id: string;
  url: string;
}

/** Makes the functions of a context that record events: the event and one delivery for each endpoint that wants it. */
export function createEmitter(deps: EmitterDeps): Pick<SimContext, "emit" | "emitThin"> {
  const { store } = deps;

  const deliver = (eventId: string, eventType: string, targets: Target[]): void => {
    for (const { id, url } of targets) {
      const delivery: DeliveryRecord = {
        id: deps.newId("dlv"),
        eventId,
        eventType,
        endpointId: id,
        url,
        status: "pending",
        nextAttemptAtMs: deps.nowMs(),
        createdAtMs: deps.nowMs(),
        tries: [],
      };
      store.put("sim.delivery", delivery);
    }
  };

  return {
    emit(type, object, previousAttributes) {
      const targets = store
        .list("webhook_endpoint")
        .filter((endpoint) => endpoint.status === "enabled" && wants(endpoint.enabled_events, type));
      const id = deps.newId("evt");
      store.put("event", {
        id,
        object: "event",
        api_version: API_VERSION,
        created: deps.now(),
        data: {
          object: render(object),
          ...(previousAttributes === undefined ? {} : { previous_attributes: previousAttributes }),
        },
        livemode: false,
        pending_webhooks: targets.length,
        request: { id: deps.request?.requestId ?? null, idempotency_key: deps.request?.idempotencyKey ?? null },
        type,
      });
      deliver(id, type, targets);
    },
    emitThin(type, relatedObject, data) {
      const event: ThinEventRecord = {
        id: deps.newId("evt_test"),
        object: "v2.core.event",
        type,
        created: new Date(deps.nowMs()).toISOString(),
        livemode: false,
        context: null,
        reason: null,
        related_object: relatedObject,
        data,
      };
      store.put("v2.core.event", event);
      const targets = store
        .list("v2.core.event_destination")
        .filter((destination) => destination.status === "enabled" && wants(destination.enabled_events, type));
      deliver(event.id, type, targets.map(({ id, _url }) => ({ id, url: _url })));
    },
  };
}

const wants = (enabledEvents: string[], type: string): boolean =>
  enabledEvents.some((pattern) => pattern === type || pattern === "*");
