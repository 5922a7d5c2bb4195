import {
  dunningCases,
  type DunningState,
  type InvoiceRow,
  subscriptions,
  type Transaction,
} from "@driftlock/db";
import { type DeclineAction, declineActionOf } from "@driftlock/domain";
import { tellActionRequired, tellPaid, tellPaymentFailed, tellUncollectible } from "./tell-invoice.ts";

/** Who tries again after a failed payment: we, on our schedule, or Stripe on its own. */
export type DunningMode = "worker" | "stripe";

export type FollowedInvoice = Pick<
  InvoiceRow,
  | "invoiceId"
  | "accountId"
  | "stripeSubscriptionId"
  | "number"
  | "status"
  | "billingReason"
  | "totalMinor"
  | "amountRemainingMinor"
  | "currency"
  | "hostedUrl"
  | "attemptCount"
  | "declineCode"
  | "failedPaymentMethodId"
  | "isActionRequired"
  | "createdAt"
>;

interface Follow {
  invoice: FollowedInvoice;
  mode: DunningMode;
  now: Date;
}

/** What a case does after a decline of this kind. */
export const stateOf: Readonly<Record<DeclineAction, DunningState>> = {
  retry: "retrying",
  new_card: "waiting_for_card",
  authenticate: "action_required",
  give_up: "retrying",
};

/**
 * Opens, settles or stops the invoice's dunning case and tells the customer of what is settled; call it for every
 * invoice that is applied, whatever its state. It calls nobody: what follows is due in dunning_cases.
 */
export async function followInvoice(tx: Transaction, { invoice, mode, now }: Follow): Promise<void> {
  const { invoiceId } = invoice;
  switch (invoice.status) {
    case "paid":
      await dunningCases.updateCaseSettled(tx, { invoiceId, state: "recovered", now });
      if (invoice.totalMinor > 0) await tellPaid(tx, invoice, now);
      return;
    case "uncollectible":
      if ((await dunningCases.updateCaseSettled(tx, { invoiceId, state: "gave_up", now })) > 0)
        await tellUncollectible(tx, invoice, now);
      return;
    case "void":
      await dunningCases.updateCaseSettled(tx, { invoiceId, state: "stopped", now });
      return;
    case "open":
      if (await isLeftBehind(tx, invoice))
        await dunningCases.updateCaseSettled(tx, { invoiceId, state: "stopped", now });
      else if (hasFailed(invoice)) await followFailure(tx, { invoice, mode, now });
      return;
    case "draft":
  }
}

/** The first invoice of a subscription is the checkout's affair: unpaid, the subscription never begins. */
const hasFailed = ({ attemptCount, amountRemainingMinor, billingReason }: FollowedInvoice): boolean =>
  attemptCount > 0 && amountRemainingMinor > 0 && billingReason !== "subscription_create";

/**
 * Whoever cancels is not asked any more for what was open before (FIELD H21); the last invoice, which the cancellation
 * itself drew, is collected like any other.
 */
async function isLeftBehind(
  tx: Transaction,
  { stripeSubscriptionId, createdAt }: Pick<FollowedInvoice, "stripeSubscriptionId" | "createdAt">,
): Promise<boolean> {
  if (stripeSubscriptionId === null) return false;
  const subscription = await subscriptions.findSubscription(tx, stripeSubscriptionId);
  return subscription !== null && subscription.endedAt !== null && createdAt < subscription.endedAt;
}

async function followFailure(tx: Transaction, { invoice, mode, now }: Follow): Promise<void> {
  const declineCode = invoice.isActionRequired ? "authentication_required" : invoice.declineCode;
  const action = declineActionOf(declineCode);
  const { invoiceId, accountId, stripeSubscriptionId, failedPaymentMethodId } = invoice;
  const isOpened = await dunningCases.insertCase(tx, {
    invoiceId,
    accountId,
    stripeSubscriptionId,
    state: stateOf[action],
    mode,
    declineCode,
    failedPaymentMethodId,
    firstFailedAt: now,
    // Due at once: the invoice is taken from Stripe's own retries before anything else.
    nextStepAt: mode === "worker" ? now : null,
  });
  // Our own tries are told by the step that made them; Stripe's, here, by its own count.
  if (!isOpened && mode === "worker") return;
  const tell = action === "authenticate" ? tellActionRequired : tellPaymentFailed;
  await tell(tx, invoice, { declineCode, step: `stripe-${invoice.attemptCount}`, now });
}
