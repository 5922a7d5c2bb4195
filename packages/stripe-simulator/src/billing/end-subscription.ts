import type { SimContext } from "../context.ts";
import { subscriptionOf } from "./invoice-draft.ts";
import { recordChange } from "./record-change.ts";
import type { Subscription } from "./subscription-object.ts";

export interface EndInput {
  reason: string;
  comment?: string | null;
  feedback?: string | null;
}

/**
 * Ends a subscription now: nothing more is drawn for it, its schedule is cancelled, and what it left unpaid is no
 * longer collected by itself. Draws no invoice.
 */
export function endSubscription(
  ctx: SimContext,
  id: string,
  { reason, comment, feedback }: EndInput,
): Subscription {
  const subscription = ctx.store.getOrThrow("subscription", id);
  stopCollection(ctx, id);
  endSchedule(ctx, subscription.schedule);
  const ended = ctx.store.update("subscription", id, {
    status: "canceled",
    canceled_at: subscription.canceled_at ?? ctx.now(),
    ended_at: ctx.now(),
    schedule: null,
    cancellation_details: {
      comment: comment ?? subscription.cancellation_details?.comment ?? null,
      feedback: feedback ?? subscription.cancellation_details?.feedback ?? null,
      feedback_option: null,
      reason,
    },
  });
  ctx.emit("customer.subscription.deleted", ended);
  return ended;
}

function stopCollection(ctx: SimContext, subscriptionId: string): void {
  for (const invoice of ctx.store.list("invoice")) {
    if (subscriptionOf(invoice) !== subscriptionId || !["draft", "open"].includes(invoice.status ?? ""))
      continue;
    const stopped = { auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
    recordChange(ctx, "invoice", invoice.id, stopped);
  }
}

function endSchedule(ctx: SimContext, scheduleId: string | null): void {
  if (scheduleId === null) return;
  const ended = ctx.store.update("subscription_schedule", scheduleId, {
    status: "canceled",
    canceled_at: ctx.now(),
    current_phase: null,
  });
  ctx.emit("subscription_schedule.canceled", ended);
}
