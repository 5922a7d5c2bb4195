import type { DeliveryRecord, EndpointSecret } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import { signatureHeader } from "./sign.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** Simulated delays before each next try; after the last the delivery has failed. About three days in all, as live. */
const BACKOFF_MS = [1, 5, 30, 120, 600]
  .map((seconds) => seconds * SECOND_MS)
  .concat([1, 3, 6, 12, 24, 24].map((hours) => hours * HOUR_MS));
const TIMEOUT_MS = 10 * SECOND_MS;
/** For each endpoint. */
const IN_FLIGHT_MAX = 10;

export interface Deliverer {
  start(): void;
  /** Sends what has become due; called when the clock was moved. */
  wake(): void;
  /** Whether every delivery made so far was answered with 2xx, has failed for good, or was lost on purpose. */
  isIdle(): boolean;
  /** Simulated milliseconds of the next retry, or null. */
  nextRetryAtMs(): number | null;
  /** Wall clock of the last 2xx. */
  lastDeliveredAtMs(): number;
  stop(): Promise<void>;
}

interface DelivererDeps {
  sim: Simulation;
  log: { warn(detail: object, message: string): void; error(detail: object, message: string): void };
}

/** Sends signed webhooks as they become due; its queue is the store, so nothing pending is lost by a restart. */
export function createDeliverer({ sim, log }: DelivererDeps): Deliverer {
  const pending = new Set<string>();
  const inFlight = new Map<string, { endpointId: string; done: Promise<void> }>();
  let timer: NodeJS.Timeout | undefined;
  let lastDeliveredAtMs = 0;
  let isRunning = false;

  const waiting = (): DeliveryRecord[] =>
    [...pending].flatMap((id) => (inFlight.has(id) ? [] : (sim.store.get("sim.delivery", id) ?? [])));
  const earliest = (): number | null => {
    const instants = waiting().map((delivery) => delivery.nextAttemptAtMs ?? Number.POSITIVE_INFINITY);
    return instants.length === 0 ? null : Math.min(...instants);
  };

  const wake = (): void => {
    if (!isRunning) return;
    clearTimeout(timer);
    const nowMs = sim.nowMs();
    const queue = waiting().toSorted((a, b) => (a.nextAttemptAtMs ?? 0) - (b.nextAttemptAtMs ?? 0));
    for (const delivery of queue) if ((delivery.nextAttemptAtMs ?? 0) <= nowMs) launch(delivery);
    const next = queue.find((delivery) => (delivery.nextAttemptAtMs ?? 0) > nowMs)?.nextAttemptAtMs;
    if (next) timer = setTimeout(wake, Math.min(next - nowMs, HOUR_MS));
  };

  /** An endpoint that hangs keeps its own slots only; what waits for one is launched when it is free. */
  const launch = (delivery: DeliveryRecord): void => {
    const busy = [...inFlight.values()].filter(({ endpointId }) => endpointId === delivery.endpointId);
    if (busy.length >= IN_FLIGHT_MAX) return;
    const done = attempt(delivery)
      .catch((error: unknown) => log.error({ err: error, deliveryId: delivery.id }, "delivery.failed"))
      .finally(() => {
        inFlight.delete(delivery.id);
        wake();
      });
    inFlight.set(delivery.id, { endpointId: delivery.endpointId, done });
  };

  const attempt = async (delivery: DeliveryRecord): Promise<void> => {
    const startedAtMs = sim.wallNowMs();
    const { isFinal, ...result } = await send(sim, delivery);
    const isDelivered = result.status !== null && result.status >= 200 && result.status < 300;
    if (!isRunning) return;
    const backoffMs = isFinal ? undefined : BACKOFF_MS[delivery.tries.length];
    sim.transact(null, ({ store }) => {
      if (store.get("sim.delivery", delivery.id) === undefined) return;
      const tries = [
        ...delivery.tries,
        { at: startedAtMs, durationMs: sim.wallNowMs() - startedAtMs, ...result },
      ];
      if (isDelivered) {
        store.update("sim.delivery", delivery.id, { status: "delivered", nextAttemptAtMs: null, tries });
        const event = store.get("event", delivery.eventId);
        if (event !== undefined)
          store.update("event", event.id, { pending_webhooks: Math.max(0, event.pending_webhooks - 1) });
      } else
        store.update("sim.delivery", delivery.id, {
          status: backoffMs === undefined ? "failed" : "pending",
          nextAttemptAtMs: backoffMs === undefined ? null : sim.nowMs() + backoffMs,
          tries,
        });
    });
    if (isDelivered) lastDeliveredAtMs = sim.wallNowMs();
    else log.warn({ deliveryId: delivery.id, eventType: delivery.eventType, ...result }, "webhook.failed");
    if (isDelivered || backoffMs === undefined) pending.delete(delivery.id);
  };

  sim.onCommit((deliveryIds) => {
    for (const id of deliveryIds)
      if (sim.store.get("sim.delivery", id)?.status === "pending") pending.add(id);
    if (deliveryIds.length > 0) wake();
  });

  return {
    start() {
      for (const { id, status } of sim.store.list("sim.delivery")) if (status === "pending") pending.add(id);
      isRunning = true;
      wake();
    },
    wake,
    isIdle: () => pending.size === 0,
    nextRetryAtMs: () => earliest(),
    lastDeliveredAtMs: () => lastDeliveredAtMs,
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      await Promise.allSettled([...inFlight.values()].map(({ done }) => done));
    },
  };
}

async function send(
  sim: Simulation,
  delivery: DeliveryRecord,
): Promise<{ status: number | null; error: string | null; isFinal: boolean }> {
  const { payload, secrets } = payloadOf(sim, delivery);
  if (payload === null) return { status: null, error: "the endpoint is disabled or gone", isFinal: true };
  const nowMs = sim.wallNowMs();
  const live = secrets
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > nowMs)
    .map(({ secret }) => secret);
  try {
    const response = await fetch(delivery.url, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": signatureHeader(payload, live, nowMs),
      },
      body: payload,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return { status: response.status, error: null, isFinal: false };
  } catch (error) {
    return {
      status: null,
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      isFinal: false,
    };
  }
}

function payloadOf(
  { store }: Simulation,
  { eventId, endpointId }: DeliveryRecord,
): { payload: string | null; secrets: EndpointSecret[] } {
  const endpoint = store.get("webhook_endpoint", endpointId);
  const event = store.get("event", eventId);
  if (endpoint?.status === "enabled" && event !== undefined)
    return {
      payload: JSON.stringify({ ...event, api_version: endpoint.api_version ?? event.api_version }, null, 2),
      secrets: endpoint._secrets,
    };
  const destination = store.get("v2.core.event_destination", endpointId);
  const thin = store.get("v2.core.event", eventId);
  if (destination?.status !== "enabled" || thin === undefined) return { payload: null, secrets: [] };
  const { data: _data, ...notification } = thin;
  return { payload: JSON.stringify(notification), secrets: destination._secrets };
}
