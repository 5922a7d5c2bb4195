import { type DunningAttemptRow, dunningAttempts, dunningCases, invoices } from "@driftlock/db";
import { declineActionOf, nextDunningStep } from "@driftlock/domain";
import { declineOf, isResourceMissing, toAppError } from "@driftlock/stripe";
import type { DueCase, DunningDeps } from "./dunning-step.ts";
import { stateOf } from "./follow-invoice.ts";
import { resync } from "./resync.ts";
import { tellActionRequired, tellPaid, tellPaymentFailed } from "./tell-invoice.ts";

type Outcome =
  | { outcome: "paid" }
  | { outcome: "declined"; declineCode: string; paymentMethodId: string | null };

/**
 * Tries to collect the invoice once: with the card that came last, else with the default one. The try is written down
 * before it is made; one that broke off is made again under its idempotency key, which is the same try.
 */
export async function tryPayment(deps: DunningDeps, due: DueCase): Promise<Outcome["outcome"]> {
  const attempt =
    (await dunningAttempts.findUnfinishedAttempt(deps.db, due.dunning.invoiceId)) ?? (await begin(deps, due));
  const outcome = await pay(deps, attempt);
  await (outcome.outcome === "paid" ? recover(deps, due, attempt) : fail(deps, { due, attempt, outcome }));
  await resync(deps, { objectId: attempt.invoiceId, objectType: "invoice" });
  return outcome.outcome;
}

async function begin({ db, clock }: DunningDeps, { dunning }: DueCase): Promise<DunningAttemptRow> {
  const { invoiceId, newPaymentMethodId } = dunning;
  const attempt = {
    invoiceId,
    attempt: dunning.attempts + 1,
    idempotencyKey: `dunning-${invoiceId}-${dunning.attempts + 1}`,
    reason: newPaymentMethodId === null ? "schedule" : "new_card",
    paymentMethodId: newPaymentMethodId,
  } as const;
  await db.transaction((tx) => dunningAttempts.insertAttempt(tx, { ...attempt, now: clock.now() }));
  return attempt;
}

async function pay({ stripe }: DunningDeps, attempt: DunningAttemptRow): Promise<Outcome> {
  const { invoiceId, idempotencyKey, paymentMethodId } = attempt;
  try {
    await stripe.invoices.pay(
      invoiceId,
      { off_session: true, ...(paymentMethodId !== null && { payment_method: paymentMethodId }) },
      { idempotencyKey },
    );
    return { outcome: "paid" };
  } catch (error) {
    const decline = declineOf(error);
    if (decline !== null)
      return {
        outcome: "declined",
        declineCode: decline.declineCode,
        paymentMethodId: decline.paymentMethodId,
      };
    // The invoice was there a moment ago: what is missing is something to charge.
    if (isResourceMissing(error))
      return { outcome: "declined", declineCode: "no_payment_method", paymentMethodId };
    throw toAppError(error);
  }
}

async function recover(
  { db, clock }: DunningDeps,
  { mirrored }: DueCase,
  attempt: DunningAttemptRow,
): Promise<void> {
  const now = clock.now();
  const { invoiceId } = attempt;
  await db.transaction(async (tx) => {
    await dunningAttempts.updateAttemptEnded(tx, { ...attempt, outcome: "paid", declineCode: null, now });
    await dunningCases.updateCaseSettled(tx, { invoiceId, state: "recovered", now });
    // Else the subscription could be seen active while its invoice is still owed.
    await invoices.updateInvoicePaid(tx, { invoiceId, now });
    await tellPaid(tx, mirrored, now);
  });
}

interface FailedTry {
  due: DueCase;
  attempt: DunningAttemptRow;
  outcome: Extract<Outcome, { outcome: "declined" }>;
}

async function fail({ db, clock }: DunningDeps, { due, attempt, outcome }: FailedTry): Promise<void> {
  const now = clock.now();
  const { declineCode, paymentMethodId } = outcome;
  const action = declineActionOf(declineCode);
  const { firstFailedAt } = due.dunning;
  const { at: nextStepAt } = nextDunningStep({ firstFailedAt, lastTriedAt: now, action });
  await db.transaction(async (tx) => {
    const { invoiceId } = attempt;
    const asks = action === "authenticate";
    await dunningAttempts.updateAttemptEnded(tx, {
      ...attempt,
      outcome: asks ? "action_required" : "declined",
      declineCode,
      now,
    });
    const settled = await dunningCases.updateCaseFailed(tx, {
      invoiceId,
      state: stateOf[action],
      declineCode,
      failedPaymentMethodId: paymentMethodId ?? attempt.paymentMethodId,
      triedAt: now,
      nextStepAt,
    });
    // Settled meanwhile by somebody else: a failure is not told after its success.
    if (settled === 0) return;
    const tell = asks ? tellActionRequired : tellPaymentFailed;
    await tell(tx, due.mirrored, { declineCode, step: String(attempt.attempt), now });
  });
}
