import type Stripe from "stripe";
import type { Subscription, SubscriptionItem } from "../billing/subscription-object.ts";
import { type UpdateParams, updateSubscription } from "../billing/update-subscription.ts";
import type { SimContext } from "../context.ts";
import { resourceMissing } from "../errors.ts";
import { listRoute, type Route, route } from "../http/routes.ts";

const response = "SubscriptionItem";
const idOf = (path: Record<string, string>): string => path["id"] ?? "";

function find(ctx: SimContext, id: string): { subscription: Subscription; item: SubscriptionItem } {
  for (const subscription of ctx.store.list("subscription")) {
    const item = subscription.items.data.find((each) => each.id === id);
    if (item !== undefined) return { subscription, item };
  }
  throw resourceMissing("subscription_item", id);
}

/** An item is changed through its subscription, so that both ways prorate alike. */
function change(ctx: SimContext, subscriptionId: string, params: UpdateParams): SubscriptionItem[] {
  return updateSubscription(ctx, subscriptionId, params).items.data;
}

export const subscriptionItemRoutes: Route[] = [
  route<Stripe.SubscriptionItemCreateParams>(
    "POST",
    "/v1/subscription_items",
    { params: "SubscriptionItemCreateParams", response },
    (ctx, { params }) => {
      const { subscription, price, quantity, metadata, ...rest } = params;
      const added = {
        ...(price === undefined ? {} : { price }),
        ...(quantity === undefined ? {} : { quantity }),
        ...(metadata === undefined ? {} : { metadata }),
      };
      return change(ctx, subscription, { ...behavior(rest), items: [added] }).at(-1) as SubscriptionItem;
    },
  ),
  route(
    "GET",
    "/v1/subscription_items/:id",
    { params: "SubscriptionItemRetrieveParams", response },
    (ctx, { path }) => find(ctx, idOf(path)).item,
  ),
  route<Stripe.SubscriptionItemUpdateParams>(
    "POST",
    "/v1/subscription_items/:id",
    { params: "SubscriptionItemUpdateParams", response },
    (ctx, { params, path }) => {
      const { price, quantity, metadata, ...rest } = params;
      const changed = {
        id: idOf(path),
        ...(price === undefined ? {} : { price }),
        ...(quantity === undefined ? {} : { quantity }),
        ...(metadata === undefined ? {} : { metadata }),
      };
      const { subscription } = find(ctx, changed.id);
      change(ctx, subscription.id, { ...behavior(rest), items: [changed] });
      return find(ctx, changed.id).item;
    },
  ),
  route<Stripe.SubscriptionItemDeleteParams>(
    "DELETE",
    "/v1/subscription_items/:id",
    { params: "SubscriptionItemDeleteParams", response: "DeletedSubscriptionItem" },
    (ctx, { params, path }) => {
      const id = idOf(path);
      const { subscription } = find(ctx, id);
      change(ctx, subscription.id, { ...behavior(params), items: [{ id, deleted: true }] });
      return { id, object: "subscription_item", deleted: true };
    },
  ),
  listRoute<Stripe.SubscriptionItemListParams>(
    "/v1/subscription_items",
    { params: "SubscriptionItemListParams", response },
    (ctx, { params }) => ctx.store.getOrThrow("subscription", params.subscription, "subscription").items.data,
  ),
];

type Behavior = Pick<UpdateParams, "payment_behavior" | "proration_behavior" | "proration_date">;

const behavior = ({ payment_behavior, proration_behavior, proration_date }: Behavior): Behavior => ({
  ...(payment_behavior === undefined ? {} : { payment_behavior }),
  ...(proration_behavior === undefined ? {} : { proration_behavior }),
  ...(proration_date === undefined ? {} : { proration_date }),
});
