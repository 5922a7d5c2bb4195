import type { SimContext } from "../context.ts";
import { draftInvoice, type Invoice, pendingItems } from "./invoice-draft.ts";
import type { InvoiceLine } from "./invoice-lines.ts";
import type { Period } from "./period.ts";
import type { Subscription } from "./subscription-object.ts";

/** How long a renewal's draft stays open for late usage, in seconds, where nobody changes it. */
export const GRACE_SECONDS = 3_600;

export interface DrawInput {
  billingReason: "subscription_create" | "subscription_cycle" | "subscription_update";
  lines: InvoiceLine[];
  period: Period;
  /** `grace`: a draft that finalizes by itself; `at-once`: the caller finalizes it in the same step. */
  finalizes: "grace" | "at-once";
  prorationDate?: number;
}

/**
 * Drafts an invoice of a subscription from these lines and what is pending; the caller makes it the latest. Null, and nothing drawn, where there is nothing to put on it (flexible billing mode).
 */
export function drawInvoice(ctx: SimContext, subscription: Subscription, input: DrawInput): Invoice | null {
  const items = pendingItems(ctx, subscription.customer, subscription.id);
  if (input.lines.length === 0 && items.length === 0) return null;
  const isHeld =
    subscription.status === "unpaid" || subscription.pause_collection?.behavior === "keep_as_draft";
  const autoAdvance = input.billingReason !== "subscription_create" && !isHeld;
  return draftInvoice(ctx, {
    customerId: subscription.customer,
    currency: subscription.currency,
    billingReason: input.billingReason,
    period: input.period,
    lines: input.lines,
    items,
    autoAdvance,
    automaticallyFinalizesAt: autoAdvance && input.finalizes === "grace" ? ctx.now() + GRACE_SECONDS : null,
    collectionMethod: subscription.collection_method,
    daysUntilDue: subscription.days_until_due,
    description: subscription.invoice_settings.description,
    footer: subscription.invoice_settings.footer,
    subscription: {
      id: subscription.id,
      metadata: subscription.metadata,
      ...(input.prorationDate === undefined ? {} : { prorationDate: input.prorationDate }),
    },
  });
}
