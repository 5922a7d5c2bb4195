import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { adjustBalance } from "./customer-balance.ts";
import type { Invoice } from "./invoice-draft.ts";
import { recordChange } from "./record-change.ts";
import { settleInvoice } from "./settle-invoice.ts";

export type CreditNote = ObjectOf<"credit_note">;
export type CreditNoteParams = Stored<Stripe.CreditNoteCreateParams>;
type CreditLine = CreditNote["lines"]["data"][number];

/**
 * Credits a finalized invoice. Against an open one it lowers what is owed; against a paid one it goes to the customer's
 * balance, to refunds that were already made (`refunds`), or was returned elsewhere (`out_of_band_amount`).
 */
export function createCreditNote(ctx: SimContext, params: CreditNoteParams): CreditNote {
  const invoice = ctx.store.getOrThrow("invoice", params.invoice, "invoice");
  if (!["open", "paid"].includes(invoice.status ?? "")) {
    throw invalidRequest("You can only create credit notes for open or paid invoices.", { param: "invoice" });
  }
  if (params.refund_amount !== undefined) {
    throw invalidRequest("The simulator takes `refunds` that exist, not `refund_amount`.", {
      param: "refund_amount",
    });
  }
  const id = ctx.newId("cn");
  const lines = creditLines(ctx, params, invoice);
  const amount = lines.reduce((sum, line) => sum + line.amount, 0);
  const isOpen = invoice.status === "open";
  checkAmount(invoice, amount, params);
  const note = emptyNote(ctx, { id, invoice, amount, lines, params });
  const refunded = note.refunds.reduce((sum, refund) => sum + refund.amount_refunded, 0);
  const toBalance = isOpen ? 0 : amount - refunded - (params.out_of_band_amount ?? 0);
  const entry = {
    amountMinor: -toBalance,
    currency: invoice.currency,
    type: "credit_note",
    creditNoteId: id,
  };
  const transaction = adjustBalance(ctx, invoice.customer ?? "", { ...entry, invoiceId: invoice.id });
  ctx.store.put("credit_note", { ...note, customer_balance_transaction: transaction });
  ctx.emit("credit_note.created", ctx.store.getOrThrow("credit_note", id));
  applyToInvoice(ctx, invoice, amount);
  return ctx.store.getOrThrow("credit_note", id);
}

/** Takes back a credit note of an open invoice; what it lowered is owed again. */
export function voidCreditNote(ctx: SimContext, id: string): CreditNote {
  const note = ctx.store.getOrThrow("credit_note", id);
  const invoice = ctx.store.getOrThrow("invoice", note.invoice);
  if (note.status === "void" || note.type !== "pre_payment" || invoice.status !== "open") {
    throw invalidRequest("You can only void an issued credit note of an open invoice.");
  }
  const change = {
    amount_remaining: invoice.amount_remaining + note.amount,
    pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount - note.amount,
  };
  recordChange(ctx, "invoice", invoice.id, change);
  const voided = ctx.store.update("credit_note", id, { status: "void", voided_at: ctx.now() });
  ctx.emit("credit_note.voided", voided);
  return voided;
}

function checkAmount(invoice: Invoice, amount: number, params: CreditNoteParams): void {
  const credited = invoice.post_payment_credit_notes_amount;
  const most = invoice.status === "open" ? invoice.amount_remaining : invoice.total - credited;
  if (amount <= 0 || amount > most) {
    throw invalidRequest(`The sum of credit amounts must be between 1 and ${most}.`, { param: "amount" });
  }
  const returned = (params.credit_amount ?? 0) + (params.out_of_band_amount ?? 0);
  if (returned > amount)
    throw invalidRequest("More is returned than the credit note is worth.", { param: "credit_amount" });
}

function applyToInvoice(ctx: SimContext, invoice: Invoice, amount: number): void {
  if (invoice.status === "paid") {
    const total = invoice.post_payment_credit_notes_amount + amount;
    recordChange(ctx, "invoice", invoice.id, { post_payment_credit_notes_amount: total });
    return;
  }
  const amount_remaining = invoice.amount_remaining - amount;
  const total = invoice.pre_payment_credit_notes_amount + amount;
  const change = { amount_remaining, pre_payment_credit_notes_amount: total };
  recordChange(ctx, "invoice", invoice.id, change);
  if (amount_remaining === 0) settleInvoice(ctx, invoice.id, { paidMinor: 0 });
}

function creditLines(ctx: SimContext, params: CreditNoteParams, invoice: Invoice): CreditLine[] {
  const line = (amount: number, description: string | null, invoiceLineId?: string): CreditLine => ({
    id: ctx.newId("cnli"),
    object: "credit_note_line_item",
    amount,
    description,
    discount_amount: 0,
    discount_amounts: [],
    ...(invoiceLineId === undefined ? {} : { invoice_line_item: invoiceLineId }),
    livemode: false,
    metadata: {},
    pretax_credit_amounts: [],
    quantity: 1,
    tax_rates: [],
    taxes: [],
    type: invoiceLineId === undefined ? "custom_line_item" : "invoice_line_item",
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  });
  if (params.lines === undefined) return [line(params.amount ?? 0, params.memo ?? null)];
  return params.lines.map((wanted, index) => {
    if (wanted.type === "custom_line_item") {
      return line((wanted.unit_amount ?? 0) * (wanted.quantity ?? 1), wanted.description ?? null);
    }
    const billed = invoice.lines.data.find((each) => each.id === wanted.invoice_line_item);
    if (billed === undefined) {
      throw invalidRequest(`No such invoice line item: '${wanted.invoice_line_item}'`, {
        param: `lines[${index}]`,
      });
    }
    return line(wanted.amount ?? billed.amount, wanted.description ?? billed.description, billed.id);
  });
}

interface Draft {
  id: string;
  invoice: Invoice;
  amount: number;
  lines: CreditLine[];
  params: CreditNoteParams;
}

function emptyNote(ctx: SimContext, { id, invoice, amount, lines, params }: Draft): CreditNote {
  const isOpen = invoice.status === "open";
  const earlier = ctx.store.list("credit_note").filter((note) => note.invoice === invoice.id).length;
  const refunds = (params.refunds ?? []).flatMap(({ refund, amount_refunded }) =>
    refund === undefined
      ? []
      : [
          {
            amount_refunded: amount_refunded ?? ctx.store.getOrThrow("refund", refund, "refunds").amount,
            refund,
          },
        ],
  );
  return {
    id,
    object: "credit_note",
    amount,
    amount_shipping: 0,
    created: ctx.now(),
    currency: invoice.currency,
    customer: invoice.customer ?? "",
    customer_account: null,
    customer_balance_transaction: null,
    discount_amount: 0,
    discount_amounts: [],
    effective_at: params.effective_at ?? ctx.now(),
    invoice: invoice.id,
    lines: { object: "list", data: lines, has_more: false, url: `/v1/credit_notes/${id}/lines` },
    livemode: false,
    memo: params.memo ?? null,
    metadata: applyMetadata(null, params.metadata),
    number: `${invoice.number}-CN-${String(earlier + 1).padStart(2, "0")}`,
    out_of_band_amount: params.out_of_band_amount ?? null,
    pdf: `${ctx.baseUrl}/_pages/invoices/${invoice.id}/pdf`,
    post_payment_amount: isOpen ? 0 : amount,
    pre_payment_amount: isOpen ? amount : 0,
    pretax_credit_amounts: [],
    reason: params.reason ?? null,
    refunds: refunds.map((refund) => ({ ...refund, payment_record_refund: null, type: "refund" })),
    shipping_cost: null,
    status: "issued",
    subtotal: amount,
    subtotal_excluding_tax: amount,
    total: amount,
    total_excluding_tax: amount,
    total_taxes: [],
    type: isOpen ? "pre_payment" : "post_payment",
    voided_at: null,
  };
}
