import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import { isMetered } from "./catalog.ts";
import { type InvoiceItem, type InvoiceLine, itemLine, subscriptionLines } from "./invoice-lines.ts";
import { usageTotal } from "./meter-usage.ts";
import type { Period } from "./period.ts";

export type Invoice = ObjectOf<"invoice">;

/** What makes one invoice differ from another. Instants are unix seconds. */
export interface DraftInput {
  customerId: string;
  currency: string;
  billingReason: string;
  period: Period;
  lines: InvoiceLine[];
  /** Pending invoice items that this invoice takes up, before its own lines. */
  items: InvoiceItem[];
  autoAdvance: boolean;
  /** Null where it is finalized in the same step, or by hand. */
  automaticallyFinalizesAt: number | null;
  collectionMethod: string;
  subscription: { id: string; metadata: Record<string, string>; prorationDate?: number } | null;
  defaultPaymentMethod?: string | null;
  daysUntilDue?: number | null;
  description?: string | null;
  footer?: string | null;
  metadata?: Record<string, string>;
}

/** Puts a draft with these lines and tells of it (`invoice.created`). */
export function draftInvoice(ctx: SimContext, input: DraftInput): Invoice {
  const id = ctx.newId("in");
  const lines = [...claimItems(ctx, id, input.items), ...input.lines];
  const invoice = withLines(ctx, emptyInvoice(ctx, id, input), lines);
  ctx.store.put("invoice", invoice);
  ctx.emit("invoice.created", invoice);
  return invoice;
}

/** The customer's invoice items that wait for an invoice of this subscription (or for any, when they name none). */
export function pendingItems(
  ctx: SimContext,
  customerId: string,
  subscriptionId: string | null,
): InvoiceItem[] {
  return ctx.store
    .list("invoiceitem")
    .filter(
      (item) =>
        item.invoice === null &&
        item.customer === customerId &&
        [undefined, subscriptionId].includes(item.parent?.subscription_details?.subscription),
    );
}

/** The lines of pending items, which from now on belong to the invoice `invoiceId`. */
export function claimItems(ctx: SimContext, invoiceId: string, items: InvoiceItem[]): InvoiceLine[] {
  for (const item of items) ctx.store.update("invoiceitem", item.id, { invoice: invoiceId });
  return items.map((item) => itemLine(ctx, item));
}

/** The invoice with these lines and every total that follows from them and from the customer's balance. */
export function withLines(ctx: SimContext, invoice: Invoice, lines: InvoiceLine[]): Invoice {
  const total = lines.reduce((sum, line) => sum + line.amount, 0);
  const startingBalance = ctx.store.get("customer", invoice.customer ?? "")?.balance ?? 0;
  const amountDue = dueOf(total, startingBalance, invoice.currency);
  return {
    ...invoice,
    lines: { ...invoice.lines, data: lines.map((line) => ({ ...line, invoice: invoice.id })) },
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
    starting_balance: startingBalance,
    amount_due: amountDue,
    amount_remaining: amountDue,
  };
}

/**
 * Lines of a draft that bill a meter are drawn anew whenever usage comes in, until the invoice is finalized. A line
 * that was there before keeps its id.
 */
export function refreshUsage(ctx: SimContext, invoice: Invoice): Invoice {
  const drawn = Map.groupBy(invoice.lines.data, (line) => {
    const charge = usageCharge(ctx, line);
    return charge === null ? line.id : `${charge.itemId} ${charge.priceId} ${charge.period.start}`;
  });
  const groups = [...drawn.values()];
  const lines = groups.flatMap((group) => {
    const charge = group[0] === undefined ? null : usageCharge(ctx, group[0]);
    if (charge === null) return group;
    const total = usageTotal(ctx, charge.meterId, invoice.customer ?? "", charge.period);
    return subscriptionLines(ctx, charge, total).map((line, index) => ({
      ...line,
      id: group[index]?.id ?? line.id,
    }));
  });
  return withLines(ctx, invoice, lines);
}

/** True for a line whose amount still follows the meter. */
export const isUsageLine = (ctx: SimContext, line: InvoiceLine): boolean => usageCharge(ctx, line) !== null;

/** The subscription an invoice belongs to. */
export const subscriptionOf = (invoice: Invoice): string | null =>
  invoice.parent?.subscription_details?.subscription ?? null;

function usageCharge(ctx: SimContext, line: InvoiceLine) {
  const item = line.parent?.subscription_item_details;
  const price = ctx.store.get("price", line.pricing?.price_details?.price ?? "");
  const meterId = price?.recurring?.meter ?? null;
  if (!item?.subscription || item.invoice_item !== null || !price || !isMetered(price) || meterId === null)
    return null;
  return {
    subscriptionId: item.subscription,
    itemId: item.subscription_item,
    priceId: price.id,
    meterId,
    period: line.period,
    metadata: line.metadata,
  };
}

const MINIMUM_CHARGE: Record<string, number> = { usd: 50, eur: 50, gbp: 30 };

/** What is charged: less the balance; nothing where that is below Stripe's minimum, which goes to the balance. */
function dueOf(total: number, startingBalance: number, currency: string): number {
  const due = Math.max(0, total + startingBalance);
  return due < (MINIMUM_CHARGE[currency] ?? 50) ? 0 : due;
}

function emptyInvoice(ctx: SimContext, id: string, input: DraftInput): Invoice {
  const customer = ctx.store.getOrThrow("customer", input.customerId);
  const isAutomatic = input.collectionMethod === "charge_automatically";
  return {
    id,
    object: "invoice",
    account_country: "US",
    account_name: "DriftLock",
    account_tax_ids: null,
    amount_due: 0,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: input.autoAdvance,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: input.automaticallyFinalizesAt,
    billing_reason: input.billingReason,
    collection_method: input.collectionMethod,
    created: ctx.now(),
    currency: input.currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address ?? null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    customer_shipping: customer.shipping,
    customer_tax_exempt: customer.tax_exempt ?? "none",
    customer_tax_ids: [],
    default_payment_method: input.defaultPaymentMethod ?? null,
    default_source: null,
    default_tax_rates: [],
    description: input.description ?? null,
    discounts: [],
    due_date: isAutomatic ? null : ctx.now() + (input.daysUntilDue ?? 30) * 86_400,
    effective_at: null,
    ending_balance: null,
    footer: input.footer ?? null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    lines: { object: "list", data: [], has_more: false, url: `/v1/invoices/${id}/lines` },
    livemode: false,
    metadata: input.metadata ?? {},
    next_payment_attempt: isAutomatic && input.autoAdvance ? input.automaticallyFinalizesAt : null,
    number: null,
    on_behalf_of: null,
    parent: parentOf(input.subscription),
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: input.period.end,
    period_start: input.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: "draft",
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    subtotal: 0,
    subtotal_excluding_tax: 0,
    test_clock: customer.test_clock ?? null,
    total: 0,
    total_discount_amounts: [],
    total_excluding_tax: 0,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
    _lastDecline: null,
  };
}

function parentOf(subscription: DraftInput["subscription"]): Invoice["parent"] {
  if (subscription === null) return null;
  const { id, metadata, prorationDate } = subscription;
  return {
    type: "subscription_details",
    quote_details: null,
    subscription_details: {
      subscription: id,
      metadata,
      ...(prorationDate === undefined ? {} : { subscription_proration_date: prorationDate }),
    },
  };
}
