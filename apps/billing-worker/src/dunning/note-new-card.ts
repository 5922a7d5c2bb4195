import { dunningCases, newCards, type Transaction } from "@driftlock/db";

export interface NewCard {
  accountId: string;
  paymentMethodId: string;
  /** The SetupIntent that brought it, or the payment method itself when it was only attached. */
  causeId: string;
  /** When the customer entered it: the payment method's `created`. */
  chosenAt: Date;
  now: Date;
}

/**
 * Remembers a card that the customer entered. Call it for setup_intent.succeeded (always) and payment_method.attached
 * (it then counts only where an invoice waited for a card by then). The job adopt-card makes the newest one the default where
 * payments are taken from, and tries what is open at once.
 */
export async function noteNewCard(tx: Transaction, card: NewCard): Promise<void> {
  const isOnlyAttached = card.causeId === card.paymentMethodId;
  // One that was on file all the time, heard of late, is nobody's answer to a failure.
  if (isOnlyAttached && !(await dunningCases.hasCaseBefore(tx, card))) return;
  await newCards.insertNewCard(tx, card);
}

/**
 * Tries open invoices at once with a default payment method that was chosen elsewhere (in the portal, or for one
 * subscription). Call it when a customer or a subscription is applied with a default payment method; one that was the
 * default when the payment failed, or was tried since, changes nothing.
 */
export async function noteDefaultCard(
  tx: Transaction,
  { of, ...card }: { accountId: string; paymentMethodId: string; now: Date; of: "customer" | "subscription" },
): Promise<void> {
  const [invoiceId] = await dunningCases.updateCasesNewCard(tx, card);
  if (invoiceId === undefined || of === "subscription") return;
  // Stripe would go on charging the subscription's own card, which failed: the choice is carried there too.
  const causeId = `default-${invoiceId}-${card.paymentMethodId}`;
  await newCards.insertNewCard(tx, { ...card, causeId, chosenAt: card.now });
}

/**
 * Tries what failed on this card at once: it has another expiry or number by now, under the same id (the network or a
 * wallet updated it, or its owner did).
 */
export async function noteRenewedCard(
  tx: Transaction,
  card: { accountId: string; paymentMethodId: string; now: Date },
): Promise<void> {
  await dunningCases.updateCasesRenewedCard(tx, card);
}
