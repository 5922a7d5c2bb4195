import type { Transaction } from "@driftlock/db";

/** Who tries again after a failed payment: we, on our schedule, or Stripe on its own. */
export type DunningMode = "worker" | "stripe";

/** What dunning needs of an invoice (the columns of `invoices`). */
export interface FollowedInvoice {
  invoiceId: string;
  accountId: string;
  stripeSubscriptionId: string | null;
  status: string;
  billingReason: string | null;
  amountDueMinor: number;
  amountRemainingMinor: number;
  currency: string;
  attemptCount: number;
  /** From the invoice's PaymentIntent: last_payment_error's decline_code, else its code. */
  declineCode: string | null;
  /** From last_payment_error: the payment method that failed. */
  failedPaymentMethodId: string | null;
  /** The PaymentIntent is `requires_action`. */
  isActionRequired: boolean;
  nextPaymentAttemptAt: Date | null;
  createdAt: Date;
}

/**
 * Opens, settles or stops the invoice's dunning case and tells the customer of what is settled; call it for every
 * invoice that is applied, whatever its state.
 */
export async function followInvoice(
  tx: Transaction,
  { invoice, mode, now }: { invoice: FollowedInvoice; mode: DunningMode; now: Date },
): Promise<void> {
  throw new Error(`not written yet: ${String(tx)} ${invoice.invoiceId} ${mode} ${now.toISOString()}`);
}
