import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { Stored } from "../stored.ts";
import { finalizeInvoice } from "./finalize-invoice.ts";
import { draftInvoice, type Invoice, pendingItems, subscriptionOf } from "./invoice-draft.ts";
import { recordChange } from "./record-change.ts";
import { GRACE_SECONDS } from "./draw-invoice.ts";
import { billingSettings } from "./billing-settings.ts";
import { nextRetryAt } from "./retry-schedule.ts";
import { refuseUnsupported, UNSUPPORTED_INVOICE_PARAMS } from "./unsupported.ts";

export type CreateInvoiceParams = Stored<Stripe.InvoiceCreateParams>;
export type UpdateInvoiceParams = Stored<Stripe.InvoiceUpdateParams>;

const HORIZON_SECONDS = 5 * 366 * 86_400;

/** A draft made by hand, empty unless pending invoice items are to be included. */
export function createInvoice(ctx: SimContext, params: CreateInvoiceParams): Invoice {
  refuseUnsupported(params, UNSUPPORTED_INVOICE_PARAMS);
  const customer = ctx.store.getOrThrow("customer", params.customer ?? "", "customer");
  const subscription =
    params.subscription === undefined
      ? null
      : ctx.store.getOrThrow("subscription", params.subscription, "subscription");
  const includes = params.pending_invoice_items_behavior === "include" || subscription !== null;
  const autoAdvance = params.auto_advance ?? false;
  const finalizesAt = params.automatically_finalizes_at ?? ctx.now() + GRACE_SECONDS;
  return draftInvoice(ctx, {
    customerId: customer.id,
    currency: params.currency ?? subscription?.currency ?? customer.currency ?? "usd",
    billingReason: "manual",
    period: { start: ctx.now(), end: ctx.now() },
    lines: [],
    items: includes ? pendingItems(ctx, customer.id, subscription?.id ?? null) : [],
    autoAdvance,
    automaticallyFinalizesAt: autoAdvance ? finalizesAt : null,
    collectionMethod: params.collection_method ?? "charge_automatically",
    daysUntilDue: params.days_until_due ?? null,
    description: params.description ?? null,
    footer: params.footer ?? null,
    metadata: applyMetadata(null, params.metadata),
    defaultPaymentMethod: params.default_payment_method ?? null,
    subscription: subscription === null ? null : { id: subscription.id, metadata: subscription.metadata },
  });
}

/**
 * Changes an invoice. `auto_advance: false` takes it from Stripe: nothing is finalized or retried by itself until it is
 * given back. Once finalized, only what does not concern its content can change.
 */
export function updateInvoice(ctx: SimContext, id: string, params: UpdateInvoiceParams): Invoice {
  refuseUnsupported(params, UNSUPPORTED_INVOICE_PARAMS);
  const invoice = ctx.store.getOrThrow("invoice", id);
  const { description, footer, default_payment_method } = params;
  if (
    invoice.status !== "draft" &&
    (params.automatically_finalizes_at !== undefined || description !== undefined)
  ) {
    throw invalidRequest("Finalized invoices can't be updated in this way.", {
      code: "invoice_not_editable",
    });
  }
  const finalizesAt = params.automatically_finalizes_at;
  if (finalizesAt !== undefined && (finalizesAt <= ctx.now() || finalizesAt > ctx.now() + HORIZON_SECONDS)) {
    throw invalidRequest("automatically_finalizes_at must be in the future, at most 5 years ahead.", {
      param: "automatically_finalizes_at",
    });
  }
  const change = {
    metadata: applyMetadata(invoice.metadata, params.metadata),
    ...(description === undefined ? {} : { description }),
    ...(footer === undefined ? {} : { footer }),
    ...(default_payment_method === undefined ? {} : { default_payment_method }),
    ...advancement(ctx, invoice, params),
  };
  return recordChange(ctx, "invoice", id, change);
}

/** Removes a draft for good; its invoice items are gone with it. */
export function deleteDraft(ctx: SimContext, id: string): object {
  const invoice = ctx.store.getOrThrow("invoice", id);
  if (invoice.status !== "draft" || subscriptionOf(invoice) !== null) {
    throw invalidRequest("You can only delete draft invoices that were not created by a subscription.", {
      code: "invoice_not_editable",
    });
  }
  for (const item of ctx.store.list("invoiceitem"))
    if (item.invoice === id) ctx.store.delete("invoiceitem", item.id);
  ctx.store.delete("invoice", id);
  ctx.emit("invoice.deleted", invoice);
  return { id, object: "invoice", deleted: true };
}

/** Tells of an invoice that the customer is to pay; no mail leaves the simulator. */
export function sendInvoice(ctx: SimContext, id: string): Invoice {
  const found = ctx.store.getOrThrow("invoice", id);
  const invoice = found.status === "draft" ? finalizeInvoice(ctx, id) : found;
  ctx.emit("invoice.sent", invoice);
  return invoice;
}

function advancement(ctx: SimContext, invoice: Invoice, params: UpdateInvoiceParams): Partial<Invoice> {
  const autoAdvance = params.auto_advance ?? invoice.auto_advance;
  const finalizesAt = params.automatically_finalizes_at;
  if (autoAdvance !== true && invoice.status === "open" && billingSettings(ctx).retryAfterTakeOver === "once")
    return { auto_advance: false, automatically_finalizes_at: null };
  if (autoAdvance !== true)
    return { auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
  const isAutomatic = invoice.collection_method === "charge_automatically";
  if (invoice.status === "draft") {
    const at = finalizesAt ?? invoice.automatically_finalizes_at ?? ctx.now() + GRACE_SECONDS;
    return {
      auto_advance: true,
      automatically_finalizes_at: at,
      next_payment_attempt: isAutomatic ? at : null,
    };
  }
  if (invoice.auto_advance === true || invoice.status !== "open" || !isAutomatic) return {};
  const next = invoice.attempt_count === 0 ? ctx.now() : nextRetryAt(invoice.attempt_count, ctx.now());
  return { auto_advance: true, next_payment_attempt: next };
}
