import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { adjustBalance } from "./customer-balance.ts";
import { type Invoice, withLines } from "./invoice-draft.ts";
import { cancelPayments } from "./invoice-payments.ts";
import { recordChange } from "./record-change.ts";
import { settleInvoice } from "./settle-invoice.ts";
import { standingAfterSettled } from "./subscription-standing.ts";

/**
 * Turns a draft into an open invoice: its lines are final, it has a number, and the customer's balance is applied. One
 * with nothing to pay is paid in the same step; with `auto_advance` the first charge is due at once.
 */
export function finalizeInvoice(ctx: SimContext, id: string): Invoice {
  const draft = ctx.store.getOrThrow("invoice", id);
  if (draft.status !== "draft") {
    throw invalidRequest("This invoice is already finalized, you can't re-finalize a non-draft invoice.", {
      code: "invoice_not_editable",
    });
  }
  const totalled = withLines(ctx, draft, draft.lines.data);
  const number = draft.number ?? nextNumber(ctx, draft.customer ?? "");
  const page = `${ctx.baseUrl}/_pages/invoices/${id}`;
  const isCharged = totalled.collection_method === "charge_automatically" && totalled.amount_due > 0;
  ctx.store.put("invoice", {
    ...totalled,
    status: "open",
    number,
    automatically_finalizes_at: null,
    effective_at: ctx.now(),
    ending_balance: applyBalance(ctx, totalled),
    hosted_invoice_url: page,
    invoice_pdf: `${page}/pdf`,
    next_payment_attempt: isCharged && totalled.auto_advance === true ? ctx.now() : null,
    status_transitions: { ...totalled.status_transitions, finalized_at: ctx.now() },
  });
  const open = ctx.store.getOrThrow("invoice", id);
  ctx.emit("invoice.finalized", open);
  ctx.emit("invoice.updated", open, {
    status: "draft",
    number: draft.number,
    effective_at: null,
    ending_balance: null,
  });
  return open.amount_due === 0 ? settleInvoice(ctx, id, { paidMinor: 0 }) : open;
}

/** Voids (never collected, never owed) an open invoice. */
export function markVoid(ctx: SimContext, id: string): Invoice {
  const invoice = requireStatus(ctx, id, ["open", "uncollectible"], "void");
  const status_transitions = { ...invoice.status_transitions, voided_at: ctx.now() };
  return close(ctx, id, { status: "void", amount_remaining: 0, status_transitions }, "invoice.voided");
}

/** Gives up on an open invoice; it is still owed and can be paid. */
export function markUncollectible(ctx: SimContext, id: string): Invoice {
  const invoice = requireStatus(ctx, id, ["open"], "mark uncollectible");
  const status_transitions = { ...invoice.status_transitions, marked_uncollectible_at: ctx.now() };
  return close(ctx, id, { status: "uncollectible", status_transitions }, "invoice.marked_uncollectible");
}

function close(ctx: SimContext, id: string, change: Partial<Invoice>, event: string): Invoice {
  const stopped = { ...change, auto_advance: false, next_payment_attempt: null };
  const closed = recordChange(ctx, "invoice", id, stopped);
  if (change.status === "void") cancelPayments(ctx, id);
  ctx.emit(event, closed);
  standingAfterSettled(ctx, closed);
  return closed;
}

function requireStatus(ctx: SimContext, id: string, statuses: string[], action: string): Invoice {
  const invoice = ctx.store.getOrThrow("invoice", id);
  if (statuses.includes(invoice.status ?? "")) return invoice;
  throw invalidRequest(
    `You can only ${action} an invoice that is ${statuses.join(" or ")}; this one is ${invoice.status}.`,
  );
}

/** Books what the invoice takes from, or adds to, the customer's balance; returns what is left. */
function applyBalance(ctx: SimContext, invoice: Invoice): number {
  const after = invoice.starting_balance + invoice.total - invoice.amount_due;
  const type =
    invoice.total > 0 && after > 0 && invoice.amount_due === 0 ? "invoice_too_small" : "applied_to_invoice";
  adjustBalance(ctx, invoice.customer ?? "", {
    amountMinor: after - invoice.starting_balance,
    currency: invoice.currency,
    type,
    invoiceId: invoice.id,
  });
  return after;
}

/** Stripe numbers invoices by customer: prefix and sequence. */
function nextNumber(ctx: SimContext, customerId: string): string {
  const { invoice_prefix: prefix, next_invoice_sequence: sequence = 1 } = ctx.store.getOrThrow(
    "customer",
    customerId,
  );
  ctx.store.update("customer", customerId, { next_invoice_sequence: sequence + 1 });
  return `${prefix ?? customerId.slice(-8).toUpperCase()}-${String(sequence).padStart(4, "0")}`;
}
