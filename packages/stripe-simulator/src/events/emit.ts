import type { SimContext } from "../context.ts";
import type { Contract } from "../http/contract.ts";
import { render } from "../http/render.ts";
import type { DeliveryRecord } from "../objects.ts";
import type { RequestMeta } from "../simulation.ts";
import type { Store } from "../store.ts";
import { API_VERSION } from "../version.ts";
import { applyWebhookFaults } from "./webhook-faults.ts";

interface EmitterDeps {
  store: Store;
  now(): number;
  nowMs(): number;
  newId(prefix: string): string;
  request: RequestMeta | null;
  contract: Contract;
}

interface Target {
  id: string;
  url: string;
}

type Emitter = Pick<SimContext, "emit" | "emitThin" | "redeliver"> & { deliveryIds: string[] };

/** Makes the functions of a context that record events: the event and one delivery for each endpoint that wants it. */
export function createEmitter(deps: EmitterDeps): Emitter {
  const { store } = deps;
  const deliveryIds: string[] = [];

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
      for (const made of applyWebhookFaults(store, delivery, deps.newId)) {
        store.put("sim.delivery", made);
        deliveryIds.push(made.id);
      }
    }
  };

  return {
    deliveryIds,
    emit(type, object, previousAttributes) {
      const targets = snapshotTargets(store, type);
      const id = deps.newId("evt");
      const shown = render(object);
      deps.contract.checkEventObject(shown);
      store.put("event", {
        id,
        object: "event",
        api_version: API_VERSION,
        created: deps.now(),
        data: {
          object: shown,
          ...(previousAttributes === undefined ? {} : { previous_attributes: render(previousAttributes) }),
        },
        livemode: false,
        pending_webhooks: targets.length,
        request: {
          id: deps.request?.requestId ?? null,
          idempotency_key: deps.request?.idempotencyKey ?? null,
        },
        type,
      });
      deliver(id, type, targets);
    },
    emitThin(type, relatedObject, data) {
      const id = deps.newId("evt_test");
      store.put("v2.core.event", {
        id,
        object: "v2.core.event",
        type,
        created: new Date(deps.nowMs()).toISOString(),
        livemode: false,
        context: null,
        reason: null,
        related_object: relatedObject,
        data,
      });
      deliver(id, type, thinTargets(store, type));
    },
    redeliver(eventId, endpointId) {
      const event = store.get("event", eventId);
      const type = event?.type ?? store.getOrThrow("v2.core.event", eventId).type;
      const targets = event === undefined ? thinTargets(store, type) : snapshotTargets(store, type);
      deliver(
        eventId,
        type,
        targets.filter(({ id }) => endpointId === undefined || id === endpointId),
      );
    },
  };
}

const snapshotTargets = (store: Store, type: string): Target[] =>
  store
    .list("webhook_endpoint")
    .filter((endpoint) => endpoint.status === "enabled" && wants(endpoint.enabled_events, type));

const thinTargets = (store: Store, type: string): Target[] =>
  store
    .list("v2.core.event_destination")
    .filter((destination) => destination.status === "enabled" && wants(destination.enabled_events, type))
    .map((destination) => ({ id: destination.id, url: destination._url }));

const wants = (enabledEvents: string[], type: string): boolean =>
  enabledEvents.includes(type) || enabledEvents.includes("*");
