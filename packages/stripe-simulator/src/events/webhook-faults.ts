import type { DeliveryRecord, FaultRecord } from "../objects.ts";
import type { Store } from "../store.ts";

/** The deliveries that are made instead of a faultless one: lost, twice, late, or in another order. */
export function applyWebhookFaults(
  store: Store,
  delivery: DeliveryRecord,
  newId: (prefix: string) => string,
): DeliveryRecord[] {
  const fault = store.list("sim.fault").find((each) => isAbout(each, delivery.eventType));
  if (fault === undefined) return [delivery];
  spendFault(store, fault);
  const later = (delayMs: number) => ({ ...delivery, nextAttemptAtMs: delivery.createdAtMs + delayMs });
  switch (fault.kind) {
    case "drop-webhook":
      return [{ ...delivery, status: "failed", nextAttemptAtMs: null }];
    case "duplicate-webhook":
      return [delivery, { ...later(fault.delayMs), id: newId("dlv") }];
    case "delay-webhook":
      return [later(fault.delayMs)];
    default:
      return [later(scatter(delivery.id) * fault.delayMs)];
  }
}

/** Takes one use off a fault; one that is used up is removed. */
export function spendFault(store: Store, fault: FaultRecord): void {
  if (fault.remaining === null) return;
  if (fault.remaining <= 1) store.delete("sim.fault", fault.id);
  else store.update("sim.fault", fault.id, { remaining: fault.remaining - 1 });
}

const isAbout = (fault: FaultRecord, eventType: string): boolean =>
  ["drop-webhook", "duplicate-webhook", "delay-webhook", "reorder-webhooks"].includes(fault.kind) &&
  (fault.eventType === null || fault.eventType === eventType);

/** A number in [0, 1) that depends on the id alone. */
const scatter = (id: string): number =>
  ([...id].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 997) / 997;
