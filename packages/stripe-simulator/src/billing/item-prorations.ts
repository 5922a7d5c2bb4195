import type { SimContext } from "../context.ts";
import { isMetered, productName } from "./catalog.ts";
import { decimalOf } from "./decimal.ts";
import { newInvoiceItem } from "./invoice-items.ts";
import { type InvoiceItem, type InvoiceLine, pricingOf } from "./invoice-lines.ts";
import { usageLines } from "./item-charges.ts";
import { type Period, periodContaining, type Recurrence } from "./period.ts";
import { priceUsage } from "./price-usage.ts";
import { proratedMinor } from "./proration.ts";
import { termsOf } from "./catalog.ts";
import type { Subscription, SubscriptionItem } from "./subscription-object.ts";

/** Credits what was paid ahead for an item that goes, from `at` to the end of its period. */
export function creditItem(
  ctx: SimContext,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
  if (isMetered(item.price) || at >= item.current_period_end) return;
  const debit = lastDebit(ctx, item, at);
  const amountMinor = -(debit === null
    ? proratedMinor(
        fullPrice(ctx, item),
        { start: item.current_period_start, end: item.current_period_end },
        at,
      )
    : proratedMinor(debit.amountMinor, debit.period, at));
  prorationItem(ctx, subscription, item, {
    amountMinor,
    period: { start: at, end: item.current_period_end },
    words: "Unused time on",
    at,
    ...(debit === null ? {} : { creditedItems: debit.source }),
  });
}

/** Debits an item's price from `at` to the end of its period. */
export function debitItem(
  ctx: SimContext,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
  if (isMetered(item.price) || at >= item.current_period_end) return;
  const whole = periodContaining(subscription.billing_cycle_anchor, item.price.recurring as Recurrence, at);
  prorationItem(ctx, subscription, item, {
    amountMinor: proratedMinor(
      fullPrice(ctx, item),
      { start: whole.start, end: item.current_period_end },
      at,
    ),
    period: { start: at, end: item.current_period_end },
    words: "Remaining time on",
    at,
  });
}

/** Bills a metered item that goes for what was reported up to `at` (flexible billing mode). */
export function billUsage(
  ctx: SimContext,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
  for (const line of usageLines(ctx, subscription, item, at)) {
    newInvoiceItem(ctx, {
      customerId: subscription.customer,
      currency: line.currency,
      amountMinor: line.amount,
      description: line.description,
      period: line.period,
      quantity: line.quantity ?? 0,
      quantityDecimal: line.quantity_decimal ?? "0",
      pricing: line.pricing,
      subscription: { id: subscription.id, itemId: item.id },
      metadata: item.metadata,
    });
  }
}

interface Proration {
  amountMinor: number;
  period: Period;
  words: string;
  at: number;
  creditedItems?: Debit["source"];
}

function prorationItem(
  ctx: SimContext,
  subscription: Subscription,
  item: SubscriptionItem,
  proration: Proration,
): void {
  const { amountMinor, period, words, at, creditedItems } = proration;
  const quantity = item.quantity ?? 1;
  const count = quantity === 1 ? "" : `${quantity} × `;
  newInvoiceItem(ctx, {
    customerId: subscription.customer,
    currency: item.price.currency,
    amountMinor,
    description: `${words} ${count}${productName(ctx, item.price.product)} after ${formatDay(at)}`,
    period,
    quantity,
    pricing: pricingOf(ctx, item.price.id, String(amountMinor)),
    subscription: { id: subscription.id, itemId: item.id },
    isProration: true,
    ...(creditedItems === undefined ? {} : { creditedItems }),
  });
}

const fullPrice = (ctx: SimContext, item: SubscriptionItem): number =>
  priceUsage(termsOf(ctx, item.price.id), decimalOf(item.quantity ?? 1)).reduce(
    (sum, part) => sum + part.amountMinor,
    0,
  );

interface Debit {
  amountMinor: number;
  period: Period;
  source: NonNullable<InvoiceItem["proration_details"]>["credited_items"];
}

/** What the customer was last charged for the item at `at`: lines of an invoice, or an item still pending. */
function lastDebit(ctx: SimContext, item: SubscriptionItem, at: number): Debit | null {
  const debits = [...billedDebits(ctx, item, at), ...pendingDebits(ctx, item, at)];
  const lastStart = Math.max(...debits.map((debit) => debit.period.start));
  return debits.findLast((debit) => debit.period.start === lastStart) ?? null;
}

function billedDebits(ctx: SimContext, item: SubscriptionItem, at: number): Debit[] {
  return ctx.store
    .list("invoice")
    .filter((invoice) => invoice.status !== "void")
    .flatMap((invoice) => {
      const lines = invoice.lines.data.filter((line) => isDebit(line, item, at));
      return [...Map.groupBy(lines, (line) => line.period.start).values()].map((group) => ({
        amountMinor: group.reduce((sum, line) => sum + line.amount, 0),
        period: (group[0] as InvoiceLine).period,
        source: {
          type: "invoice_line_items",
          invoice_line_item_details: {
            invoice: invoice.id,
            invoice_line_items: group.map((line) => line.id),
          },
        },
      }));
    });
}

function pendingDebits(ctx: SimContext, item: SubscriptionItem, at: number): Debit[] {
  return ctx.store
    .list("invoiceitem")
    .filter(
      (pending) =>
        pending.invoice === null &&
        pending.amount >= 0 &&
        pending.parent?.subscription_details?.subscription_item === item.id &&
        covers(pending, item, at),
    )
    .map((pending) => ({
      amountMinor: pending.amount,
      period: pending.period,
      source: { type: "invoice_item", invoice_item: pending.id },
    }));
}

const isDebit = (line: InvoiceLine, item: SubscriptionItem, at: number): boolean =>
  line.amount >= 0 &&
  line.parent?.subscription_item_details?.subscription_item === item.id &&
  covers(line, item, at);

const covers = (
  { pricing, period }: { pricing: InvoiceLine["pricing"]; period: Period },
  item: SubscriptionItem,
  at: number,
): boolean => pricing?.price_details?.price === item.price.id && period.start <= at && at < period.end;

const formatDay = (at: number): string =>
  new Date(at * 1_000).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
