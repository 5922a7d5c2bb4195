import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { Stored } from "../stored.ts";
import { decimalOf, multiplyToMinor } from "./decimal.ts";
import { claimItems, withLines } from "./invoice-draft.ts";
import { newInvoiceItem } from "./invoice-items.ts";
import { type InvoiceItem, itemLine, pricingOf } from "./invoice-lines.ts";

export type CreateItemParams = Stored<Stripe.InvoiceItemCreateParams>;
export type UpdateItemParams = Stored<Stripe.InvoiceItemUpdateParams>;

/** An item by hand: an amount, or a quantity of a price; on a named draft at once, else on the next fitting invoice. */
export function createInvoiceItem(ctx: SimContext, params: CreateItemParams): InvoiceItem {
  const named = params.invoice === undefined ? undefined : requireDraft(ctx, params.invoice);
  const customer = ctx.store.getOrThrow("customer", params.customer ?? named?.customer ?? "", "customer");
  if (params.subscription !== undefined)
    ctx.store.getOrThrow("subscription", params.subscription, "subscription");
  const { amountMinor, unitAmount, currency } = amountOf(ctx, params);
  const item = newInvoiceItem(ctx, {
    customerId: customer.id,
    currency: currency ?? named?.currency ?? customer.currency ?? "usd",
    amountMinor,
    description: params.description ?? null,
    period: params.period ?? { start: ctx.now(), end: ctx.now() },
    quantity: params.quantity ?? 1,
    pricing: params.pricing?.price === undefined ? null : pricingOf(ctx, params.pricing.price, unitAmount),
    subscription: params.subscription === undefined ? null : { id: params.subscription },
    metadata: applyMetadata(null, params.metadata),
    ...(params.discountable === undefined ? {} : { isDiscountable: params.discountable }),
  });
  if (named === undefined) return item;
  const lines = claimItems(ctx, named.id, [item]);
  ctx.store.put("invoice", withLines(ctx, named, [...named.lines.data, ...lines]));
  return ctx.store.getOrThrow("invoiceitem", item.id);
}

/** Changes an item that is pending or on a draft. */
export function updateInvoiceItem(ctx: SimContext, id: string, params: UpdateItemParams): InvoiceItem {
  const item = ctx.store.getOrThrow("invoiceitem", id);
  const draft = item.invoice === null ? undefined : requireDraft(ctx, item.invoice);
  const changed = ctx.store.update("invoiceitem", id, {
    ...(params.amount === undefined ? {} : { amount: params.amount, net_amount: params.amount }),
    ...(params.description === undefined ? {} : { description: params.description }),
    ...(params.period === undefined ? {} : { period: params.period }),
    metadata: applyMetadata(item.metadata, params.metadata),
  });
  if (draft !== undefined) {
    const lines = draft.lines.data.map((line) =>
      itemOf(line) === id ? { ...itemLine(ctx, changed), id: line.id } : line,
    );
    ctx.store.put("invoice", withLines(ctx, draft, lines));
  }
  return changed;
}

/** Removes an item that is pending or on a draft. */
export function deleteInvoiceItem(ctx: SimContext, id: string): object {
  const item = ctx.store.getOrThrow("invoiceitem", id);
  if (item.invoice !== null) {
    const draft = requireDraft(ctx, item.invoice);
    ctx.store.put(
      "invoice",
      withLines(
        ctx,
        draft,
        draft.lines.data.filter((line) => itemOf(line) !== id),
      ),
    );
  }
  ctx.store.delete("invoiceitem", id);
  ctx.emit("invoiceitem.deleted", item);
  return { id, object: "invoiceitem", deleted: true };
}

function amountOf(ctx: SimContext, params: CreateItemParams) {
  const { amount, currency, quantity = 1, unit_amount_decimal: unit, pricing } = params;
  if (amount !== undefined) return { amountMinor: amount, unitAmount: null, currency };
  const price =
    pricing?.price === undefined ? undefined : ctx.store.getOrThrow("price", pricing.price, "pricing[price]");
  const unitAmount = unit ?? price?.unit_amount_decimal ?? null;
  if (unitAmount === null) {
    throw invalidRequest("Missing required param: amount.", { code: "parameter_missing", param: "amount" });
  }
  const amountMinor = multiplyToMinor(decimalOf(unitAmount), decimalOf(quantity));
  return { amountMinor, unitAmount, currency: currency ?? price?.currency };
}

function requireDraft(ctx: SimContext, id: string) {
  const invoice = ctx.store.getOrThrow("invoice", id, "invoice");
  if (invoice.status === "draft") return invoice;
  throw invalidRequest("You can only change the items of a draft invoice.", {
    code: "invoice_not_editable",
    param: "invoice",
  });
}

const itemOf = ({ parent }: ReturnType<typeof itemLine>): string | null =>
  parent?.subscription_item_details?.invoice_item ?? parent?.invoice_item_details?.invoice_item ?? null;
