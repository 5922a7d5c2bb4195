import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { collectInvoice } from "./collect-invoice.ts";
import { finalizeInvoice } from "./finalize-invoice.ts";
import type { Invoice } from "./invoice-draft.ts";
import { settleInvoice } from "./settle-invoice.ts";

export type PayParams = Stored<Stripe.InvoicePayParams>;

/**
 * Pays an invoice on demand: a draft is finalized first, `paid_out_of_band` charges nothing. A declined card is
 * Stripe's 402; the failed attempt and its events stay.
 */
export function payInvoice(ctx: SimContext, id: string, params: PayParams): Invoice {
  const found = ctx.store.getOrThrow("invoice", id);
  if (found.status === "paid") throw invalidRequest("Invoice is already paid");
  if (found.status === "void") throw invalidRequest("Voided invoices can't be paid.");
  const invoice = found.status === "draft" ? finalizeInvoice(ctx, id) : found;
  if (invoice.status === "paid") return invoice;
  if (params.paid_out_of_band === true) return settleInvoice(ctx, id, { paidMinor: 0, isOutOfBand: true });
  const collection = collectInvoice(ctx, invoice, {
    trigger: "manual",
    paymentMethodId: params.payment_method,
  });
  if (collection.outcome !== "paid") throw new StripeError(402, collection.error);
  return collection.invoice;
}
