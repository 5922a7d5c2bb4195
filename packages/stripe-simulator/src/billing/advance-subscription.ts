import type { SimContext } from "../context.ts";
import { finishSubscription } from "./finish-subscription.ts";
import { markVoid } from "./finalize-invoice.ts";
import { prorateChange } from "./change-items.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { recordChange } from "./record-change.ts";
import { renewSubscription } from "./renew-subscription.ts";
import { turnPhase } from "./schedule-phases.ts";
import { periodOf, type Subscription } from "./subscription-object.ts";
import { collectNow } from "./update-subscription.ts";

const INCOMPLETE_LIFE_SECONDS = 23 * 3_600;
const TRIAL_NOTICE_SECONDS = 3 * 86_400;
const RENEWING = ["active", "trialing", "past_due", "unpaid"];

/** When a subscription next changes by itself (unix seconds). */
export function subscriptionDueAt(ctx: SimContext, subscription: Subscription): number | null {
  return firstDue(ctx, subscription)?.at ?? null;
}

/** The step that is due first. */
export function advanceSubscription(ctx: SimContext, id: string): void {
  const subscription = ctx.store.getOrThrow("subscription", id);
  firstDue(ctx, subscription)?.run();
}

interface Due {
  at: number;
  run(): void;
}

function firstDue(ctx: SimContext, subscription: Subscription): Due | null {
  const { id, status } = subscription;
  if (status === "incomplete")
    return { at: subscription.created + INCOMPLETE_LIFE_SECONDS, run: () => expire(ctx, id) };
  if (!RENEWING.includes(status)) return null;
  const phaseEnd = ctx.store.get("subscription_schedule", subscription.schedule ?? "")?.current_phase
    ?.end_date;
  const dues: (Due | null)[] = [
    subscription.pause_collection === null || subscription.pause_collection.resumes_at === null
      ? null
      : { at: subscription.pause_collection.resumes_at, run: () => unpause(ctx, id) },
    subscription.trial_end === null || subscription._isTrialEndAnnounced || status !== "trialing"
      ? null
      : { at: subscription.trial_end - TRIAL_NOTICE_SECONDS, run: () => announceTrialEnd(ctx, id) },
    subscription.cancel_at === null || subscription.cancel_at >= periodOf(subscription).end
      ? null
      : {
          at: subscription.cancel_at,
          run: () => finishSubscription(ctx, subscription, subscription.cancel_at ?? ctx.now()),
        },
    phaseEnd === undefined || phaseEnd >= periodOf(subscription).end
      ? null
      : { at: phaseEnd, run: () => changePhase(ctx, id, phaseEnd) },
    { at: periodOf(subscription).end, run: () => renewSubscription(ctx, id) },
  ];
  return dues.reduce(
    (first, due) => (due !== null && (first === null || due.at < first.at) ? due : first),
    null,
  );
}

/** The first invoice was not paid in time: the subscription never began, and nothing is owed. */
function expire(ctx: SimContext, id: string): void {
  const change = { status: "incomplete_expired", ended_at: ctx.now() };
  const expired = recordChange(ctx, "subscription", id, change);
  const invoice = ctx.store.get("invoice", expired.latest_invoice ?? "");
  if (invoice?.status === "open") markVoid(ctx, invoice.id);
}

function unpause(ctx: SimContext, id: string): void {
  recordChange(ctx, "subscription", id, { pause_collection: null });
}

function announceTrialEnd(ctx: SimContext, id: string): void {
  ctx.emit(
    "customer.subscription.trial_will_end",
    ctx.store.update("subscription", id, { _isTrialEndAnnounced: true }),
  );
}

/** A phase that ends within the billing period: its change prorates as the phase says. At a period's end renewal does it. */
function changePhase(ctx: SimContext, id: string, at: number): void {
  const subscription = ctx.store.getOrThrow("subscription", id);
  const { items: next, change, isEnd, prorationBehavior } = turnPhase(ctx, subscription, at);
  if (isEnd) {
    finishSubscription(ctx, subscription, at);
    return;
  }
  if (next !== null && prorationBehavior !== "none")
    prorateChange(ctx, subscription, { next, at, restarts: false, changes: [] });
  const items = next === null ? {} : { items: { ...subscription.items, data: next } };
  recordChange(ctx, "subscription", id, { ...change, ...items });
  if (prorationBehavior !== "always_invoice") return;
  const input = { billingReason: "subscription_update" as const, lines: [], period: periodOf(subscription) };
  const invoice = drawInvoice(ctx, subscription, { ...input, finalizes: "at-once", prorationDate: at });
  if (invoice === null) return;
  ctx.store.update("subscription", id, { latest_invoice: invoice.id });
  collectNow(ctx, invoice);
}
