import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import type { Stored } from "../stored.ts";
import { formatMoney, formatRecurrence, productName, termsOf } from "./catalog.ts";
import { type Decimal, decimalOf, formatDecimal, toWhole } from "./decimal.ts";
import type { Period } from "./period.ts";
import { type PricedPart, priceUsage } from "./price-usage.ts";

export type InvoiceLine = Stored<Stripe.InvoiceLineItem>;
export type InvoiceItem = Stored<Stripe.InvoiceItem>;

/** One item of a subscription over one period, to be priced. */
export interface ItemCharge {
  subscriptionId: string;
  itemId: string;
  priceId: string;
  period: Period;
  metadata: Record<string, string>;
}

/** The lines of `quantity` of an item's price: one, or one for each tier reached (Stripe shows tiers as lines). */
export function subscriptionLines(ctx: SimContext, charge: ItemCharge, quantity: Decimal): InvoiceLine[] {
  return priceUsage(termsOf(ctx, charge.priceId), quantity).map((part) => ({
    ...lineBase(ctx, charge.period, charge.metadata),
    amount: part.amountMinor,
    subtotal: part.amountMinor,
    currency: ctx.store.getOrThrow("price", charge.priceId).currency,
    description: describePart(ctx, charge.priceId, part),
    quantity: toWhole(part.quantity),
    quantity_decimal: formatDecimal(part.quantity),
    subscription: charge.subscriptionId,
    pricing: pricingOf(ctx, charge.priceId, part.unitAmountDecimal),
    parent: {
      type: "subscription_item_details",
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: null,
        subscription: charge.subscriptionId,
        subscription_item: charge.itemId,
      },
    },
  }));
}

/** A free line for a trial: "Trial period for Pro". */
export function trialLine(ctx: SimContext, charge: ItemCharge, quantity: number): InvoiceLine {
  const [line] = subscriptionLines(ctx, charge, decimalOf(quantity));
  if (line === undefined) throw new Error("a price has at least one line");
  const product = ctx.store.getOrThrow("price", charge.priceId).product;
  return { ...line, amount: 0, subtotal: 0, description: `Trial period for ${productName(ctx, product)}` };
}

/** The line that an invoice item becomes once an invoice takes it up. */
export function itemLine(ctx: SimContext, item: InvoiceItem): InvoiceLine {
  const details = item.parent?.subscription_details ?? null;
  const proration = { proration: item.proration, proration_details: prorationDetails(item) };
  return {
    ...lineBase(ctx, item.period, item.metadata ?? {}),
    amount: item.amount,
    subtotal: item.amount,
    currency: item.currency,
    description: item.description,
    discountable: item.discountable,
    quantity: item.quantity,
    quantity_decimal: item.quantity_decimal,
    subscription: details?.subscription ?? null,
    pricing: item.pricing,
    parent:
      details?.subscription_item === undefined
        ? {
            type: "invoice_item_details",
            subscription_item_details: null,
            invoice_item_details: {
              invoice_item: item.id,
              subscription: details?.subscription ?? null,
              ...proration,
            },
          }
        : {
            type: "subscription_item_details",
            invoice_item_details: null,
            subscription_item_details: {
              invoice_item: item.id,
              subscription: details.subscription,
              subscription_item: details.subscription_item,
              ...proration,
            },
          },
  };
}

/** The `pricing` of a line or an invoice item. */
export function pricingOf(
  ctx: SimContext,
  priceId: string,
  unitAmountDecimal: string | null,
): InvoiceLine["pricing"] {
  const { product } = ctx.store.getOrThrow("price", priceId);
  return {
    type: "price_details",
    price_details: { price: priceId, product },
    unit_amount_decimal: unitAmountDecimal,
  };
}

function prorationDetails(item: InvoiceItem): {
  credited_items: { invoice: string; invoice_line_items: string[] } | null;
} {
  return { credited_items: item.proration_details?.credited_items?.invoice_line_item_details ?? null };
}

function describePart(ctx: SimContext, priceId: string, part: PricedPart): string {
  const price = ctx.store.getOrThrow("price", priceId);
  const name = productName(ctx, price.product);
  const unit = formatMoney(part.unitAmountDecimal, price.currency);
  if (part.flat) return `${name} (Tier ${part.tier} flat fee of ${unit})`;
  const tier = part.tier === null ? "" : `Tier ${part.tier} `;
  const recurrence = price.recurring === null ? "" : ` / ${formatRecurrence(price.recurring)}`;
  return `${formatDecimal(part.quantity)} × ${name} (${tier}at ${unit}${recurrence})`;
}

function lineBase(ctx: SimContext, period: Period, metadata: Record<string, string>) {
  return {
    id: ctx.newId("il"),
    object: "line_item" as const,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata,
    period: { start: period.start, end: period.end },
    pretax_credit_amounts: [],
    taxes: [],
  };
}
