import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { cancelSubscription } from "./cancel-subscription.ts";
import type { Invoice } from "./invoice-draft.ts";
import { renewSubscription } from "./renew-subscription.ts";
import { startSubscription } from "./subscriptions.ts";
import { applyUpdate } from "./update-subscription.ts";

export type PreviewParams = Stored<Stripe.InvoiceCreatePreviewParams>;

/**
 * The invoice that would come next. It is drawn by the very code that would draw it, in a dry run: what a change would
 * be invoiced for at once, else the next renewal with everything pending on it.
 */
export function previewInvoice(ctx: SimContext, params: PreviewParams): Invoice {
  return ctx.store.dryRun(() => {
    const invoice = drawPreview(ctx, params);
    if (invoice === null) {
      throw new StripeError(404, {
        type: "invalid_request_error",
        code: "invoice_upcoming_none",
        message: "No upcoming invoices for customer",
      });
    }
    const id = `upcoming_${invoice.id}`;
    const data = invoice.lines.data.map((line) => ({ ...line, invoice: id }));
    return {
      ...ctx.store.getOrThrow("invoice", invoice.id),
      id,
      billing_reason: "upcoming",
      automatically_finalizes_at: null,
      lines: {
        ...invoice.lines,
        data,
        url: `/v1/invoices/upcoming/lines?subscription=${params.subscription ?? ""}`,
      },
    };
  });
}

function drawPreview(ctx: SimContext, params: PreviewParams): Invoice | null {
  const { subscription, subscription_details: details = {} } = params;
  if (subscription === undefined) return previewFor(ctx, params);
  if (details.cancel_now === true) {
    const prorates = details.proration_behavior !== undefined && details.proration_behavior !== "none";
    const cancelled = cancelSubscription(ctx, subscription, { invoice_now: true, prorate: prorates });
    const before = ctx.store.getOrThrow("subscription", subscription).latest_invoice;
    return ctx.store.get("invoice", cancelled.latest_invoice ?? before ?? "") ?? null;
  }
  const { items, proration_behavior, proration_date, trial_end, cancel_at_period_end, billing_cycle_anchor } =
    details;
  const restarts = billing_cycle_anchor?.type === "now" ? { billing_cycle_anchor } : {};
  const change = defined({ items, proration_behavior, proration_date, trial_end, cancel_at_period_end });
  const drawn = applyUpdate(ctx, subscription, { ...change, ...restarts });
  return drawn ?? renewSubscription(ctx, subscription);
}

/** Without a subscription: what a new one would be invoiced for, or the next renewal of the customer's only one. */
function previewFor(ctx: SimContext, params: PreviewParams): Invoice | null {
  const { customer, subscription_details: details = {} } = params;
  if (customer === undefined) {
    throw invalidRequest("You must provide a customer or a subscription.", {
      code: "parameter_missing",
      param: "customer",
    });
  }
  if (details.items !== undefined) {
    const items = details.items.map(({ price, quantity }) => defined({ price, quantity }));
    return startSubscription(ctx, { customer, items, ...defined({ trial_end: details.trial_end }) }).invoice;
  }
  const live = ctx.store
    .list("subscription")
    .filter((each) => each.customer === customer && ["active", "trialing", "past_due"].includes(each.status));
  const only = live.length === 1 ? live[0] : undefined;
  return only === undefined ? null : renewSubscription(ctx, only.id);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The keys that have a value: an absent parameter is not the same as one that is undefined. */
const defined = <T extends object>(params: T): Defined<T> =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)) as Defined<T>;
