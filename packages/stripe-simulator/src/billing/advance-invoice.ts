import type { SimContext } from "../context.ts";
import { collectInvoice } from "./collect-invoice.ts";
import { GRACE_SECONDS } from "./draw-invoice.ts";
import { finalizeInvoice, markUncollectible, markVoid } from "./finalize-invoice.ts";
import { type Invoice, subscriptionOf } from "./invoice-draft.ts";

/** Stripe holds a draft this long for an endpoint that does not acknowledge its `invoice.created`. */
const HOLD_MAX_SECONDS = 72 * 3_600;

/** When an invoice next moves by itself (unix seconds). */
export function invoiceDueAt(invoice: Invoice): number | null {
  if (invoice.status === "draft")
    return invoice.auto_advance === true ? invoice.automatically_finalizes_at : null;
  return invoice.status === "open" ? invoice.next_payment_attempt : null;
}

/** The step that is due: the draft is finalized (its first charge follows), or the open invoice is charged. */
export function advanceInvoice(ctx: SimContext, id: string): void {
  const invoice = ctx.store.getOrThrow("invoice", id);
  if (ctx.store.get("customer", invoice.customer ?? "") === undefined) {
    // Its customer was deleted: Stripe collects nothing more, and says so.
    const given = ctx.store.update("invoice", id, { auto_advance: false, next_payment_attempt: null });
    const { auto_advance, next_payment_attempt } = invoice;
    ctx.emit("invoice.updated", given, { auto_advance, next_payment_attempt });
    return;
  }
  if (invoice.status === "open") {
    collectInvoice(ctx, invoice, { trigger: "automatic" });
    return;
  }
  if (isUnacknowledged(ctx, invoice) && ctx.now() < invoice.created + HOLD_MAX_SECONDS) {
    ctx.store.update("invoice", id, { automatically_finalizes_at: ctx.now() + GRACE_SECONDS });
    return;
  }
  finalizeInvoice(ctx, id);
  const behavior = ctx.store.get("subscription", subscriptionOf(invoice) ?? "")?.pause_collection?.behavior;
  const isOpen = ctx.store.getOrThrow("invoice", id).status === "open";
  if (isOpen && behavior === "void") markVoid(ctx, id);
  if (isOpen && behavior === "mark_uncollectible") markUncollectible(ctx, id);
}

function isUnacknowledged(ctx: SimContext, invoice: Invoice): boolean {
  const created = ctx.store
    .list("event")
    .findLast((event) => event.type === "invoice.created" && event.data.object["id"] === invoice.id);
  return ctx.store
    .list("sim.delivery")
    .some((delivery) => delivery.eventId === created?.id && delivery.status !== "delivered");
}
