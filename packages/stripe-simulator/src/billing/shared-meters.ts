import { behavioursOf } from "../behaviours.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { SubscriptionItem } from "./subscription-object.ts";

/** Whether a subscription may have two items on one meter is not established of Stripe: a behaviour decides. */
export function refuseSharedMeter(ctx: SimContext, items: readonly SubscriptionItem[]): void {
  if (behavioursOf(ctx.store).itemsOfOneMeter !== "refused") return;
  const meters = items.flatMap(({ price }) => price.recurring?.meter ?? []);
  if (new Set(meters).size < meters.length)
    throw invalidRequest("A subscription cannot have several items on the same meter.", { param: "items" });
}
