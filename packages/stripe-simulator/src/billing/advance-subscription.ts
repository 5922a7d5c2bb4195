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

interface Step {
  /** When the step is due (unix seconds); null where the subscription has no such step ahead. */
  at(ctx: SimContext, subscription: Subscription): number | null;
  run(ctx: SimContext, subscription: Subscription): void;
}

const expiry: Step = { at: (_ctx, { created }) => created + INCOMPLETE_LIFE_SECONDS, run: expire };

/** What happens to a running subscription by time alone; at one instant the earlier in this table comes first. */
const RUNNING: readonly Step[] = [
  { at: (_ctx, subscription) => subscription.pause_collection?.resumes_at ?? null, run: unpause },
  { at: trialNoticeAt, run: announceTrialEnd },
  {
    at: endWithinPeriodAt,
    run: (ctx, each) => void finishSubscription(ctx, each, each.cancel_at ?? ctx.now()),
  },
  { at: phaseEndWithinPeriodAt, run: changePhase },
  {
    at: (_ctx, subscription) => periodOf(subscription).end,
    run: (ctx, { id }) => void renewSubscription(ctx, id),
  },
];

const STEPS: Partial<Record<string, readonly Step[]>> = {
  incomplete: [expiry],
  active: RUNNING,
  trialing: RUNNING,
  past_due: RUNNING,
  unpaid: RUNNING,
};

/** When a subscription next changes by itself (unix seconds). */
export function subscriptionDueAt(ctx: SimContext, subscription: Subscription): number | null {
  let first: number | null = null;
  for (const { at } of STEPS[subscription.status] ?? []) {
    const dueAt = at(ctx, subscription);
    if (dueAt !== null && (first === null || dueAt < first)) first = dueAt;
  }
  return first;
}

/** Takes the step that is due first. */
export function advanceSubscription(ctx: SimContext, id: string): void {
  const subscription = ctx.store.getOrThrow("subscription", id);
  const dueAt = subscriptionDueAt(ctx, subscription);
  STEPS[subscription.status]?.find(({ at }) => at(ctx, subscription) === dueAt)?.run(ctx, subscription);
}

function trialNoticeAt(
  _ctx: SimContext,
  { status, trial_end: end, _isTrialEndAnnounced }: Subscription,
): number | null {
  return end === null || _isTrialEndAnnounced || status !== "trialing" ? null : end - TRIAL_NOTICE_SECONDS;
}

function endWithinPeriodAt(_ctx: SimContext, subscription: Subscription): number | null {
  const { cancel_at: at } = subscription;
  return at === null || at >= periodOf(subscription).end ? null : at;
}

/** A phase that ends with the period is turned by the renewal. */
function phaseEndWithinPeriodAt(ctx: SimContext, subscription: Subscription): number | null {
  if (subscription.schedule === null) return null;
  const at = ctx.store.get("subscription_schedule", subscription.schedule)?.current_phase?.end_date ?? null;
  return at === null || at >= periodOf(subscription).end ? null : at;
}

/** The first invoice was not paid in time: the subscription never began, and nothing is owed. */
function expire(ctx: SimContext, { id }: Subscription): void {
  const change = { status: "incomplete_expired", ended_at: ctx.now() };
  const expired = recordChange(ctx, "subscription", id, change);
  const invoice = ctx.store.get("invoice", expired.latest_invoice ?? "");
  if (invoice?.status === "open") markVoid(ctx, invoice.id);
}

function unpause(ctx: SimContext, { id }: Subscription): void {
  recordChange(ctx, "subscription", id, { pause_collection: null });
}

function announceTrialEnd(ctx: SimContext, { id }: Subscription): void {
  ctx.emit(
    "customer.subscription.trial_will_end",
    ctx.store.update("subscription", id, { _isTrialEndAnnounced: true }),
  );
}

/** A phase that ends within the billing period: its change prorates as the phase says. At a period's end renewal does it. */
function changePhase(ctx: SimContext, subscription: Subscription): void {
  const { id } = subscription;
  const at = phaseEndWithinPeriodAt(ctx, subscription) ?? ctx.now();
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
