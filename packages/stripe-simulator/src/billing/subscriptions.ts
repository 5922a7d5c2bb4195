import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { Stored } from "../stored.ts";
import { recurringPrice } from "./catalog.ts";
import { chargeableMethod, collectInvoice, noPaymentMethod } from "./collect-invoice.ts";
import { drawInvoice } from "./draw-invoice.ts";
import { finalizeInvoice } from "./finalize-invoice.ts";
import type { Invoice } from "./invoice-draft.ts";
import type { InvoiceLine } from "./invoice-lines.ts";
import { awaitPayment } from "./invoice-payments.ts";
import { licensedLines, trialLines } from "./item-charges.ts";
import { periodContaining, type Recurrence } from "./period.ts";
import { proratedMinor } from "./proration.ts";
import { emptySubscription, itemList, newItem, periodAt, type Subscription } from "./subscription-object.ts";
import { refuseSharedMeter } from "./shared-meters.ts";
import { refuseUnsupported, UNSUPPORTED_SUBSCRIPTION_PARAMS } from "./unsupported.ts";

export type CreateParams = Stored<Stripe.SubscriptionCreateParams>;

const DAY_SECONDS = 86_400;

/**
 * Starts a subscription and draws, finalizes and (unless `payment_behavior` is `default_incomplete`) collects its first
 * invoice. Throws Stripe's errors; with `error_if_incomplete`, or with no card to charge, nothing is left behind.
 */
export function createSubscription(ctx: SimContext, params: CreateParams): Subscription {
  return ctx.store.savepoint(() => {
    const { subscription, invoice } = startSubscription(ctx, params);
    if (invoice !== null) payFirst(ctx, invoice, params.payment_behavior);
    return ctx.store.getOrThrow("subscription", subscription.id);
  });
}

/** Puts the subscription and the draft of its first invoice (null where there is nothing to bill yet). */
export function startSubscription(
  ctx: SimContext,
  params: CreateParams,
): { subscription: Subscription; invoice: Invoice | null } {
  refuseUnsupported(params, UNSUPPORTED_SUBSCRIPTION_PARAMS);
  const customer = ctx.store.getOrThrow("customer", params.customer ?? "", "customer");
  const trialEnd = trialEndOf(ctx, params);
  const anchorAt = trialEnd ?? params.billing_cycle_anchor ?? ctx.now();
  if (anchorAt < ctx.now()) {
    throw invalidRequest("billing_cycle_anchor cannot be in the past.", { param: "billing_cycle_anchor" });
  }
  checkMethod(ctx, customer.id, params.default_payment_method);
  const id = ctx.newId("sub");
  const items = newItems(ctx, id, params, anchorAt);
  refuseSharedMeter(ctx, items);
  const currency = items[0]?.price.currency ?? "usd";
  const lines = items.flatMap((item) =>
    firstLines(ctx, item, { anchorAt, isTrial: trialEnd !== null, params }),
  );
  const isOwed = lines.reduce((sum, line) => sum + line.amount, 0) > 0;
  const waits = isOwed && params.collection_method !== "send_invoice";
  const isEnding = params.cancel_at_period_end === true;
  const firstEnd = Math.min(...items.map((item) => item.current_period_end));
  const subscription = emptySubscription(ctx, {
    id,
    customer: customer.id,
    currency,
    items: itemList(id, items),
    billing_cycle_anchor: anchorAt,
    status: trialEnd !== null ? "trialing" : waits ? "incomplete" : "active",
    collection_method: params.collection_method ?? "charge_automatically",
    days_until_due: params.days_until_due ?? null,
    default_payment_method: params.default_payment_method ?? null,
    description: params.description ?? null,
    metadata: applyMetadata(null, params.metadata),
    cancel_at_period_end: isEnding,
    cancel_at: isEnding ? firstEnd : typeof params.cancel_at === "number" ? params.cancel_at : null,
    trial_start: trialEnd === null ? null : ctx.now(),
    trial_end: trialEnd,
    ...settingsOf(params),
  });
  ctx.store.put("subscription", subscription);
  ctx.store.update("customer", customer.id, { currency: customer.currency ?? currency });
  ctx.emit("customer.subscription.created", subscription);
  const period = { start: ctx.now(), end: ctx.now() };
  const input = { billingReason: "subscription_create", lines, period, finalizes: "at-once" } as const;
  const invoice = drawInvoice(ctx, subscription, input);
  if (invoice !== null) ctx.store.update("subscription", id, { latest_invoice: invoice.id });
  return { subscription, invoice };
}

/** Throws unless the payment method is the customer's own. */
export function checkMethod(ctx: SimContext, customerId: string, methodId: string | undefined): void {
  if (methodId === undefined) return;
  const method = ctx.store.getOrThrow("payment_method", methodId, "default_payment_method");
  if (method.customer === customerId) return;
  throw invalidRequest(
    `The customer does not have a payment method with the ID ${methodId}. The payment method must be attached to the customer.`,
    { code: "resource_missing", param: "default_payment_method" },
  );
}

function payFirst(ctx: SimContext, draft: Invoice, behavior: string | undefined): void {
  const invoice = finalizeInvoice(ctx, draft.id);
  if (invoice.status !== "open" || invoice.collection_method !== "charge_automatically") return;
  if (behavior === "default_incomplete") return awaitPayment(ctx, invoice);
  if (chargeableMethod(ctx, invoice) === null) throw noPaymentMethod();
  const collection = collectInvoice(ctx, invoice, { trigger: "manual" });
  if (collection.outcome !== "paid" && behavior === "error_if_incomplete")
    throw new StripeError(402, collection.error);
}

function newItems(ctx: SimContext, subscriptionId: string, params: CreateParams, anchorAt: number) {
  const wanted = params.items ?? [];
  if (wanted.length === 0)
    throw invalidRequest("Missing required param: items.", { code: "parameter_missing", param: "items" });
  const prices = wanted.map(({ price }, index) => recurringPrice(ctx, price ?? "", `items[${index}][price]`));
  if (new Set(prices.map(({ id }) => id)).size < prices.length) {
    throw invalidRequest("Cannot add multiple subscription items with the same price.", { param: "items" });
  }
  if (new Set(prices.map(({ currency }) => currency)).size > 1) {
    throw invalidRequest("All prices on a subscription must have the same `currency`.", { param: "items" });
  }
  return prices.map((price, index) =>
    newItem(ctx, {
      subscriptionId,
      price,
      quantity: wanted[index]?.quantity,
      metadata: applyMetadata(null, wanted[index]?.metadata),
      period: periodAt(anchorAt, price.recurring, ctx.now()),
    }),
  );
}

function trialEndOf(ctx: SimContext, params: CreateParams): number | null {
  const { trial_end: end, trial_period_days: days } = params;
  if (end !== undefined && days !== undefined) {
    throw invalidRequest("You may only specify one of these parameters: trial_end, trial_period_days.", {
      code: "parameters_exclusive",
    });
  }
  const at =
    typeof end === "number"
      ? end
      : days === undefined || end === "now"
        ? ctx.now()
        : ctx.now() + days * DAY_SECONDS;
  if (at < ctx.now()) throw invalidRequest("Trial end must be in the future.", { param: "trial_end" });
  return at > ctx.now() ? at : null;
}

interface FirstLines {
  anchorAt: number;
  isTrial: boolean;
  params: CreateParams;
}

/** A period that starts before the anchor is a part of a whole one, and so is its price. */
function firstLines(
  ctx: SimContext,
  item: Subscription["items"]["data"][number],
  { anchorAt, isTrial, params }: FirstLines,
): InvoiceLine[] {
  const period = { start: item.current_period_start, end: item.current_period_end };
  if (isTrial) return trialLines(ctx, item, period);
  const lines = licensedLines(ctx, item, period);
  if (anchorAt <= ctx.now()) return lines;
  if (params.proration_behavior === "none") return [];
  const whole = periodContaining(anchorAt, item.price.recurring as Recurrence, ctx.now());
  return lines.map((line) => {
    const amount = proratedMinor(line.amount, { start: whole.start, end: period.end }, ctx.now());
    return { ...line, amount, subtotal: amount };
  });
}

function settingsOf(params: CreateParams): Partial<Subscription> {
  const save = params.payment_settings?.save_default_payment_method;
  const missing = params.trial_settings?.end_behavior.missing_payment_method;
  return {
    ...(save === undefined
      ? {}
      : {
          payment_settings: {
            payment_method_options: null,
            payment_method_types: null,
            save_default_payment_method: save,
          },
        }),
    ...(missing === undefined
      ? {}
      : {
          trial_settings: { end_behavior: { billing_cycle_anchor: null, missing_payment_method: missing } },
        }),
  };
}
