import type { SimContext } from "../context.ts";
import { recordChange } from "./record-change.ts";

/**
 * Moves a customer's balance by `amountMinor` (negative is credit for the customer) and keeps the entry. The balance is
 * applied to the next invoice that is finalized.
 */
export function adjustBalance(
  ctx: SimContext,
  customerId: string,
  entry: { amountMinor: number; currency: string; type: string; invoiceId?: string; creditNoteId?: string },
): string | null {
  if (entry.amountMinor === 0) return null;
  const customer = ctx.store.getOrThrow("customer", customerId);
  const balance = customer.balance + entry.amountMinor;
  const id = ctx.newId("cbtxn");
  ctx.store.put("customer_balance_transaction", {
    id,
    object: "customer_balance_transaction",
    amount: entry.amountMinor,
    checkout_session: null,
    created: ctx.now(),
    credit_note: entry.creditNoteId ?? null,
    currency: entry.currency,
    customer: customerId,
    customer_account: null,
    description: null,
    ending_balance: balance,
    invoice: entry.invoiceId ?? null,
    livemode: false,
    metadata: {},
    type: entry.type,
  });
  recordChange(ctx, "customer", customerId, { balance });
  return id;
}
