import type { PaymentState, SubscriptionStatus } from "@driftlock/contracts";

export interface OwedInvoice {
  status: "draft" | "open" | "paid" | "uncollectible" | "void";
  amountRemainingMinor: number;
  isActionRequired: boolean;
  /** Why the last try failed; null where none has. */
  declineCode: string | null;
}

/**
 * The account's payment state over all of its invoices and subscriptions, the worst of them: an account is `ok` again
 * only once each is settled (FIELD H21). An open invoice that nobody has tried yet owes nothing so far.
 */
export function paymentState(account: {
  invoices: readonly OwedInvoice[];
  subscriptions: readonly { status: SubscriptionStatus }[];
}): PaymentState {
  const owed = account.invoices.filter(
    ({ status, amountRemainingMinor }) => status === "open" && amountRemainingMinor > 0,
  );
  const has = (status: SubscriptionStatus) =>
    account.subscriptions.some((subscription) => subscription.status === status);
  if (has("unpaid")) return "unpaid";
  if (owed.some(({ isActionRequired }) => isActionRequired)) return "action_required";
  if (has("past_due") || owed.some(({ declineCode }) => declineCode !== null)) return "past_due";
  return "ok";
}
