import type { Store } from "./store.ts";

/** What every handler and every step of the billing engine gets. Times are simulated unix seconds. */
export interface SimContext {
  store: Store;
  now(): number;
  /** A new Stripe-like id: `newId("sub")` is `sub_` and 24 letters and digits. */
  newId(prefix: string): string;
  /** Records the event and its deliveries. `object` is rendered (private keys stripped) as it is now. */
  emit(type: string, object: object, previousAttributes?: Record<string, unknown>): void;
  emitThin(
    type: string,
    relatedObject: { id: string; type: string; url: string } | null,
    data: Record<string, unknown>,
  ): void;
  /** Sends an old event again: to one endpoint, or to all that want its type now. */
  redeliver(eventId: string, endpointId?: string): void;
  /** Origin under which the simulator's pages live, without a final slash. */
  baseUrl: string;
}
