import type { DeliveryRecord, FaultRecord } from "../objects.ts";
import type { Store } from "../store.ts";

/** The deliveries that are made instead of a faultless one: lost, twice, late, or in another order. */
export function applyWebhookFaults(
  store: Store,
  delivery: DeliveryRecord,
  newId: (prefix: string) => string,
): DeliveryRecord[] {
  const fault = takeFault(store, (each) => isAbout(each, delivery.eventType));
  if (fault === undefined) return [delivery];
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

/** The first fault that strikes at what it `isAbout`; counts for all that it asks, and takes a use off it. */
export function takeFault(store: Store, isAbout: (fault: FaultRecord) => boolean): FaultRecord | undefined {
  for (const fault of store.list("sim.fault").filter(isAbout)) {
    const seen = fault.seen + 1;
    if (fault.every > 1) store.update("sim.fault", fault.id, { seen });
    if (seen % fault.every !== 0) continue;
    spendFault(store, fault);
    return fault;
  }
  return undefined;
}

/** Takes one use off a fault; one that is used up is removed. */
function spendFault(store: Store, fault: FaultRecord): void {
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
