import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { recurringPrice } from "./catalog.ts";
import { recordChange } from "./record-change.ts";
import {
  newItem,
  periodAt,
  pricedPart,
  type Subscription,
  type SubscriptionItem,
} from "./subscription-object.ts";

export type Schedule = ObjectOf<"subscription_schedule">;
export type Phase = Stored<Stripe.SubscriptionSchedule.Phase>;

export interface PhaseTurn {
  /** The items of the phase that begins; null where none begins. */
  items: SubscriptionItem[] | null;
  /** What else changes on the subscription. */
  change: Partial<Subscription>;
  /** The schedule ends here and takes the subscription with it. */
  isEnd: boolean;
  prorationBehavior: string;
}

/** Moves the subscription's schedule over a phase boundary at `at`, if there is one, and says what follows. */
export function turnPhase(ctx: SimContext, subscription: Subscription, at: number): PhaseTurn {
  const still: PhaseTurn = { items: null, change: {}, isEnd: false, prorationBehavior: "none" };
  const schedule = ctx.store.get("subscription_schedule", subscription.schedule ?? "");
  if (
    schedule?.status !== "active" ||
    schedule.current_phase === null ||
    schedule.current_phase.end_date > at
  )
    return still;
  const next = schedule.phases.find((phase) => phase.start_date <= at && phase.end_date > at);
  if (next === undefined) return { ...still, ...finish(ctx, schedule) };
  const current_phase = { start_date: next.start_date, end_date: next.end_date };
  recordChange(ctx, "subscription_schedule", schedule.id, { current_phase });
  return {
    items: phaseItems(ctx, subscription, next, at),
    change: {
      ...(next.metadata === null ? {} : { metadata: { ...subscription.metadata, ...next.metadata } }),
      ...(next.default_payment_method === null
        ? {}
        : { default_payment_method: next.default_payment_method }),
    },
    isEnd: false,
    prorationBehavior: next.proration_behavior,
  };
}

/** Lets a schedule go; the subscription stays as it is. */
export function releaseSchedule(ctx: SimContext, schedule: Schedule): Schedule {
  const released = ctx.store.update("subscription_schedule", schedule.id, {
    status: "released",
    released_at: ctx.now(),
    released_subscription: schedule.subscription,
    subscription: null,
    current_phase: null,
  });
  ctx.emit("subscription_schedule.released", released);
  return released;
}

function finish(ctx: SimContext, schedule: Schedule): Pick<PhaseTurn, "change" | "isEnd"> {
  if (schedule.end_behavior !== "cancel") {
    releaseSchedule(ctx, schedule);
    return { change: { schedule: null }, isEnd: false };
  }
  const completed = ctx.store.update("subscription_schedule", schedule.id, {
    status: "completed",
    completed_at: ctx.now(),
    current_phase: null,
  });
  ctx.store.update("subscription", schedule.subscription ?? "", { schedule: null });
  ctx.emit("subscription_schedule.completed", completed);
  return { change: {}, isEnd: true };
}

/** The subscription's items in a phase: one with the same price stays what it is, any other is new. */
function phaseItems(
  ctx: SimContext,
  subscription: Subscription,
  phase: Phase,
  at: number,
): SubscriptionItem[] {
  return phase.items.map((wanted) => {
    const price = recurringPrice(ctx, wanted.price, "price");
    const kept = subscription.items.data.find((item) => item.price.id === price.id);
    const metadata = wanted.metadata ?? {};
    if (kept !== undefined) return { ...kept, ...pricedPart(price, wanted.quantity) };
    const period = periodAt(subscription.billing_cycle_anchor, price.recurring, at);
    return newItem(ctx, {
      subscriptionId: subscription.id,
      price,
      quantity: wanted.quantity,
      metadata,
      period,
    });
  });
}
