import type { SimContext } from "../context.ts";
import type { InvoiceItem } from "./invoice-lines.ts";
import type { Period } from "./period.ts";

export interface NewInvoiceItem {
  customerId: string;
  currency: string;
  amountMinor: number;
  description: string | null;
  period: Period;
  quantity?: number;
  quantityDecimal?: string;
  pricing?: InvoiceItem["pricing"];
  subscription?: { id: string; itemId?: string } | null;
  isProration?: boolean;
  creditedItems?: NonNullable<InvoiceItem["proration_details"]>["credited_items"];
  metadata?: Record<string, string>;
  isDiscountable?: boolean;
}

/** Puts a pending invoice item; the next fitting invoice takes it up. */
export function newInvoiceItem(ctx: SimContext, input: NewInvoiceItem): InvoiceItem {
  const quantity = input.quantity ?? 1;
  const { subscription = null } = input;
  const item: InvoiceItem = {
    id: ctx.newId("ii"),
    object: "invoiceitem",
    amount: input.amountMinor,
    currency: input.currency,
    customer: input.customerId,
    customer_account: null,
    date: ctx.now(),
    description: input.description,
    discountable: input.isDiscountable ?? (input.isProration !== true && input.amountMinor >= 0),
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: input.metadata ?? {},
    net_amount: input.amountMinor,
    parent:
      subscription === null
        ? null
        : {
            type: "subscription_details",
            subscription_details: {
              subscription: subscription.id,
              ...(subscription.itemId === undefined ? {} : { subscription_item: subscription.itemId }),
            },
          },
    period: { start: input.period.start, end: input.period.end },
    pricing: input.pricing ?? null,
    proration: input.isProration ?? false,
    ...(input.isProration === true
      ? { proration_details: { credited_items: input.creditedItems ?? null, discount_amounts: [] } }
      : {}),
    quantity,
    quantity_decimal: input.quantityDecimal ?? String(quantity),
    tax_rates: [],
    test_clock: ctx.store.get("customer", input.customerId)?.test_clock ?? null,
  };
  ctx.store.put("invoiceitem", item);
  ctx.emit("invoiceitem.created", item);
  return item;
}
