import type { SimContext } from "../context.ts";
import type { Invoice } from "./invoice-draft.ts";
import { recordChange } from "./record-change.ts";
import { standingAfterSettled } from "./subscription-standing.ts";

/**
 * Marks an invoice paid. `paidMinor` is what came through Stripe; an invoice paid out of band, or with nothing due,
 * came without. `invoice.payment_succeeded` is only told of an invoice that Stripe settled itself.
 */
export function settleInvoice(
  ctx: SimContext,
  id: string,
  { paidMinor, isOutOfBand = false }: { paidMinor: number; isOutOfBand?: boolean },
): Invoice {
  const invoice = ctx.store.getOrThrow("invoice", id);
  const paid = recordChange(ctx, "invoice", id, {
    status: "paid",
    attempted: true,
    amount_paid: isOutOfBand ? invoice.amount_due : paidMinor,
    amount_remaining: 0,
    ...(isOutOfBand ? { amount_paid_off_stripe: invoice.amount_due } : {}),
    auto_advance: false,
    next_payment_attempt: null,
    status_transitions: { ...invoice.status_transitions, paid_at: ctx.now() },
  });
  ctx.emit("invoice.paid", paid);
  if (!isOutOfBand) ctx.emit("invoice.payment_succeeded", paid);
  standingAfterSettled(ctx, paid);
  return paid;
}
