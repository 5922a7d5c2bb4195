import { dunningCases, type DunningState, type InvoiceRow, type Transaction } from "@driftlock/db";
import { type DeclineAction, declineActionOf, nextDunningStep } from "@driftlock/domain";
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
  | "finalizedAt"
>;

/** How the invoice's subscription ended, as Stripe told it together with the invoice. */
export interface SubscriptionEnd {
  endedAt: Date;
  /** Stripe gave up collecting, and ended it by itself. */
  isForNonPayment: boolean;
}

interface Follow {
  invoice: FollowedInvoice;
  /** Null while it lives, and where there is none. */
  subscriptionEnd: SubscriptionEnd | null;
  /** Of a case that is opened now; one that is open keeps its own. */
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
export async function followInvoice(tx: Transaction, follow: Follow): Promise<void> {
  const { invoice, subscriptionEnd, now } = follow;
  const settle = (state: "recovered" | "gave_up" | "stopped") =>
    dunningCases.updateCaseSettled(tx, { invoiceId: invoice.invoiceId, state, now });
  const giveUp = async () => {
    if ((await settle("gave_up")) > 0) await tellUncollectible(tx, invoice, now);
  };
  switch (invoice.status) {
    case "paid":
      await settle("recovered");
      if (invoice.totalMinor > 0) await tellPaid(tx, invoice, now);
      return;
    case "uncollectible":
      return giveUp();
    case "void":
      return void (await settle("stopped"));
    case "open":
      // Whoever cancels is not asked any more for what was open before (FIELD H21); the last invoice, which the
      // cancellation itself drew, is collected like any other.
      if (subscriptionEnd === null || invoice.createdAt >= subscriptionEnd.endedAt)
        return hasFailed(invoice) ? followFailure(tx, follow) : undefined;
      return subscriptionEnd.isForNonPayment ? giveUp() : void (await settle("stopped"));
    case "draft":
  }
}

/** The first invoice of a subscription is the checkout's affair: unpaid, the subscription never begins. */
const hasFailed = ({ attemptCount, amountRemainingMinor, billingReason }: FollowedInvoice): boolean =>
  attemptCount > 0 && amountRemainingMinor > 0 && billingReason !== "subscription_create";

async function followFailure(tx: Transaction, { invoice, mode, now }: Follow): Promise<void> {
  const declineCode = invoice.isActionRequired ? "authentication_required" : invoice.declineCode;
  const action = declineActionOf(declineCode);
  const { invoiceId, accountId, stripeSubscriptionId, failedPaymentMethodId, finalizedAt, attemptCount } =
    invoice;
  const failure = { invoiceId, state: stateOf[action], declineCode, failedPaymentMethodId };
  const known = await dunningCases.findCaseForUpdate(tx, invoiceId);
  if (known === null) {
    await dunningCases.insertCase(tx, {
      ...failure,
      accountId,
      stripeSubscriptionId,
      mode,
      finalizedAt,
      firstFailedAt: now,
      // Due at once: the invoice is taken from Stripe's own retries before anything else.
      nextStepAt: mode === "worker" ? now : null,
      stripeAttemptCount: attemptCount,
    });
  } else {
    // Our own tries are told by the step that made them; Stripe's, here, by its own count. One that was on its way when
    // the invoice was taken over takes the place of ours of that day. After the end of the story nothing is told.
    const isOver = known.settledAt !== null || known.state === "gave_up";
    if (isOver || attemptCount <= known.stripeAttemptCount) return;
    const { firstFailedAt } = known;
    const next = nextDunningStep({ firstFailedAt, lastTriedAt: now, action }).at;
    await dunningCases.updateCaseFollowed(tx, {
      ...failure,
      stripeAttemptCount: attemptCount,
      now,
      nextStepAt: known.mode === "worker" && known.takenOverAt !== null ? next : known.nextStepAt,
    });
  }
  const tell = action === "authenticate" ? tellActionRequired : tellPaymentFailed;
  await tell(tx, invoice, { declineCode, step: `stripe-${attemptCount}`, now });
}
