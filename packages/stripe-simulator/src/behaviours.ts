import type { Behaviours } from "./objects.ts";
import type { Store } from "./store.ts";

/** What is taken for likely. */
export const defaultBehaviours: Behaviours = {
  id: "behaviours",
  draftUsage: "until-finalization",
  idempotencyKeyHours: null,
  itemsOfOneMeter: "each-bills-all",
  callsPerSecondOfEndpoint: null,
  callsPerSecond: null,
};

/** How Stripe behaves now where that is not established. */
export const behavioursOf = (store: Pick<Store, "get">): Behaviours => ({
  ...defaultBehaviours,
  ...store.get("sim.behaviours", "behaviours"),
});
