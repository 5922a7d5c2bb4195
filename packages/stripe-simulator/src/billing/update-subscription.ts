import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { changedItems, prorateChange } from "./change-items.ts";
import { type Collection, collectInvoice } from "./collect-invoice.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { finalizeInvoice } from "./finalize-invoice.ts";
import type { Invoice } from "./invoice-draft.ts";
import { licensedLines } from "./item-charges.ts";
import { periodContaining, type Recurrence } from "./period.ts";
import { recordChange } from "./record-change.ts";
import { periodOf, periodPart, type Subscription, type SubscriptionItem } from "./subscription-object.ts";
import { settingsChange } from "./subscription-settings.ts";
import { checkMethod } from "./subscriptions.ts";
import { refuseUnsupported, UNSUPPORTED_SUBSCRIPTION_PARAMS } from "./unsupported.ts";

export type UpdateParams = Stored<Stripe.SubscriptionUpdateParams>;

/**
 * Changes a subscription and collects what the change is invoiced for at once. Throws Stripe's errors; with
 * `error_if_incomplete` a declined payment leaves everything as it was.
 */
export function updateSubscription(ctx: SimContext, id: string, params: UpdateParams): Subscription {
  return ctx.store.savepoint(() => {
    const draft = applyUpdate(ctx, id, params);
    const collection = draft === null ? null : collectNow(ctx, draft, params.payment_behavior);
    if (
      collection !== null &&
      collection.outcome !== "paid" &&
      params.payment_behavior === "error_if_incomplete"
    ) {
      throw new StripeError(402, collection.error);
    }
    return ctx.store.getOrThrow("subscription", id);
  });
}

/** Makes the change and drafts the invoice that is due at once because of it; null where there is none. */
export function applyUpdate(ctx: SimContext, id: string, params: UpdateParams): Invoice | null {
  const subscription = ctx.store.getOrThrow("subscription", id);
  checkUpdatable(subscription, params);
  checkMethod(ctx, subscription.customer, params.default_payment_method);
  const plan = planChange(ctx, subscription, params);
  const isProrated = params.proration_behavior !== "none" && subscription.status !== "trialing";
  if (isProrated && (plan.restarts || params.items !== undefined)) {
    prorateChange(ctx, subscription, { ...plan, changes: params.items ?? [] });
  }
  const change = {
    ...settingsChange(ctx, subscription, params),
    ...plan.change,
    items: { ...subscription.items, data: plan.next },
  };
  const isImmediate =
    plan.restarts || (params.items !== undefined && params.proration_behavior === "always_invoice");
  const invoice = isImmediate ? drawUpdate(ctx, subscription, { ...subscription, ...change }, plan) : null;
  const latest = invoice === null ? {} : { latest_invoice: invoice.id };
  recordChange(ctx, "subscription", id, { ...change, ...latest });
  return invoice;
}

/** Finalizes a draft that does not wait, and collects it unless its payment waits for the customer. */
export function collectNow(ctx: SimContext, draft: Invoice, behavior?: string): Collection | null {
  const invoice = finalizeInvoice(ctx, draft.id);
  const isCharged = invoice.status === "open" && invoice.collection_method === "charge_automatically";
  if (!isCharged || invoice.auto_advance !== true || behavior === "default_incomplete") return null;
  return collectInvoice(ctx, invoice, { trigger: "automatic" });
}

interface Plan {
  at: number;
  next: SubscriptionItem[];
  /** The billing cycle starts anew at `at`, and is invoiced from there. */
  restarts: boolean;
  change: Partial<Subscription>;
}

function planChange(ctx: SimContext, subscription: Subscription, params: UpdateParams): Plan {
  const at = changeInstant(ctx, subscription, params.proration_date);
  const endsTrial = params.trial_end === "now" && subscription.status === "trialing";
  const changes = params.items ?? [];
  const keepAnchor = changedItems(ctx, subscription, {
    changes,
    anchorAt: subscription.billing_cycle_anchor,
    at,
  });
  const restarts =
    endsTrial || params.billing_cycle_anchor?.type === "now" || hasOtherInterval(subscription, keepAnchor);
  if (restarts) {
    const next = keepAnchor.map((item) => inPeriodAt(item, at, at));
    return {
      at,
      next,
      restarts,
      change: { billing_cycle_anchor: at, ...(endsTrial ? { status: "active", trial_end: at } : {}) },
    };
  }
  if (typeof params.trial_end !== "number") return { at, next: keepAnchor, restarts, change: {} };
  const trialEnd = params.trial_end;
  if (trialEnd <= ctx.now()) throw invalidRequest("Trial end must be in the future.", { param: "trial_end" });
  const next = keepAnchor.map((item) => ({
    ...item,
    ...periodPart(item.price, { start: item.current_period_start, end: trialEnd }, trialEnd),
  }));
  const trial_start = subscription.trial_start ?? ctx.now();
  const change = { status: "trialing", trial_start, trial_end: trialEnd, billing_cycle_anchor: trialEnd };
  return { at, next, restarts, change: { ...change, _isTrialEndAnnounced: false } };
}

/** Switching between intervals starts the cycle anew, as Stripe does for the items of one interval. */
function hasOtherInterval(subscription: Subscription, next: SubscriptionItem[]): boolean {
  const interval = ({ price }: SubscriptionItem) =>
    `${price.recurring?.interval} ${price.recurring?.interval_count}`;
  const before = new Set(subscription.items.data.map(interval));
  return next.every((item) => !before.has(interval(item)));
}

function inPeriodAt(item: SubscriptionItem, anchorAt: number, at: number): SubscriptionItem {
  const recurring = item.price.recurring as Recurrence;
  return { ...item, ...periodPart(item.price, periodContaining(anchorAt, recurring, at), at) };
}

function drawUpdate(ctx: SimContext, before: Subscription, after: Subscription, plan: Plan): Invoice | null {
  const { start, end } = periodOf(before);
  const lines = plan.restarts
    ? after.items.data.flatMap((item) =>
        licensedLines(ctx, item, { start: item.current_period_start, end: item.current_period_end }),
      )
    : [];
  return drawInvoice(ctx, after, {
    billingReason: "subscription_update",
    lines,
    period: { start, end: plan.restarts ? plan.at : end },
    finalizes: "at-once",
    prorationDate: plan.at,
  });
}

function changeInstant(
  ctx: SimContext,
  subscription: Subscription,
  prorationDate: number | undefined,
): number {
  if (prorationDate === undefined) return ctx.now();
  const { start, end } = periodOf(subscription);
  if (prorationDate >= start && prorationDate <= end) return prorationDate;
  throw invalidRequest("The proration_date must be within the subscription's current period.", {
    param: "proration_date",
  });
}

function checkUpdatable(subscription: Subscription, params: UpdateParams): void {
  refuseUnsupported(params, UNSUPPORTED_SUBSCRIPTION_PARAMS);
  const allowed = ["metadata", "cancellation_details"];
  const isOver = ["canceled", "incomplete_expired"].includes(subscription.status);
  if (isOver && Object.keys(params).some((key) => !allowed.includes(key))) {
    throw invalidRequest("A canceled subscription can only update its cancellation_details and metadata.");
  }
  if (params.payment_behavior === "pending_if_incomplete") {
    throw invalidRequest("The simulator does not support payment_behavior=pending_if_incomplete.", {
      param: "payment_behavior",
    });
  }
  const cancels = params.cancel_at_period_end !== undefined || params.cancel_at !== undefined;
  if (cancels && subscription.schedule !== null) {
    throw invalidRequest(
      `The subscription is managed by the subscription schedule \`${subscription.schedule}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    );
  }
}
