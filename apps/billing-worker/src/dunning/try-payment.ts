import { AppError } from "@driftlock/contracts";
import { type DunningAttemptRow, dunningAttempts, dunningCases, invoices } from "@driftlock/db";
import { declineActionOf, nextDunningStep } from "@driftlock/domain";
import { declineOf, isResourceMissing, type Stripe, stripeCall, toAppError } from "@driftlock/stripe";
import type { DueCase, DunningDeps } from "./dunning-step.ts";
import { stateOf } from "./follow-invoice.ts";
import { resync } from "./resync.ts";
import { tellActionRequired, tellPaid, tellPaymentFailed } from "./tell-invoice.ts";

type Outcome =
  /** `processing`: the bank has not decided; `settled`: somebody else paid or voided it before. */
  | { outcome: "paid" | "processing" | "settled" }
  | { outcome: "declined"; declineCode: string; paymentMethodId: string | null };

export interface TriedPayment {
  outcome: Outcome["outcome"];
  attempt: number;
  declineCode: string | null;
}

/**
 * Tries to collect the invoice once: with the card that came last, else with the default one. The try is written down
 * before it is made; one that broke off is made again under its idempotency key, which is the same try.
 */
export async function tryPayment(deps: DunningDeps, due: DueCase): Promise<TriedPayment> {
  const attempt =
    (await dunningAttempts.findUnfinishedAttempt(deps.db, due.dunning.invoiceId)) ??
    (await beginTry(deps, due));
  const outcome = await pay(deps, attempt);
  await recordOutcome(deps, { due, attempt, outcome });
  await resync(deps, { objectId: attempt.invoiceId, objectType: "invoice" });
  const declineCode = outcome.outcome === "declined" ? outcome.declineCode : null;
  return { outcome: outcome.outcome, attempt: attempt.attempt, declineCode };
}

type RecordDeps = Pick<DunningDeps, "db" | "clock">;

/** What a try came to, in one transaction with what is told of it; nothing follows after the end of the story. */
export function recordOutcome(
  deps: RecordDeps,
  {
    due,
    attempt,
    outcome,
  }: { due: Pick<DueCase, "dunning" | "mirrored">; attempt: DunningAttemptRow; outcome: Outcome },
): Promise<void> {
  switch (outcome.outcome) {
    case "paid":
      return recover(deps, due, attempt);
    case "declined":
      return fail(deps, { due, attempt, outcome });
    default:
      return leaveOpen(deps, { due, attempt, outcome: outcome.outcome });
  }
}

/** Writes the next try down before it is made. */
export async function beginTry(
  { db, clock }: RecordDeps,
  { dunning }: Pick<DueCase, "dunning">,
): Promise<DunningAttemptRow> {
  const { invoiceId, newPaymentMethodId, retryRequestedAt } = dunning;
  const other = retryRequestedAt === null ? "schedule" : "operator";
  const attempt = {
    invoiceId,
    attempt: dunning.attempts + 1,
    idempotencyKey: `dunning-${invoiceId}-${dunning.attempts + 1}`,
    reason: newPaymentMethodId === null ? other : "new_card",
    paymentMethodId: newPaymentMethodId,
  } as const;
  await db.transaction((tx) => dunningAttempts.insertAttempt(tx, { ...attempt, now: clock.now() }));
  return attempt;
}

async function pay({ stripe }: DunningDeps, attempt: DunningAttemptRow): Promise<Outcome> {
  const { invoiceId, idempotencyKey, paymentMethodId } = attempt;
  try {
    const { status } = await stripe.invoices.pay(
      invoiceId,
      { off_session: true, ...(paymentMethodId !== null && { payment_method: paymentMethodId }) },
      { idempotencyKey },
    );
    return { outcome: status === "paid" ? "paid" : "processing" };
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
    const known = toAppError(error);
    if (known instanceof AppError && known.code === "INTERNAL")
      return settledElsewhere(stripe, invoiceId, known);
    throw known;
  }
}

/** Stripe refuses to collect what is paid or void already, by the hosted page or after a crash of ours: its word counts. */
async function settledElsewhere(stripe: Stripe, invoiceId: string, refusal: AppError): Promise<Outcome> {
  const { status } = await stripeCall(() => stripe.invoices.retrieve(invoiceId));
  if (status === "paid") return { outcome: "paid" };
  if (status === "void") return { outcome: "settled" };
  throw refusal;
}

async function recover(
  { db, clock }: RecordDeps,
  { mirrored }: Pick<DueCase, "mirrored">,
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

/** What is known of it comes with the invoice; until then the schedule goes on. */
async function leaveOpen(
  { db, clock }: RecordDeps,
  {
    due: { dunning },
    attempt,
    outcome,
  }: { due: Pick<DueCase, "dunning">; attempt: DunningAttemptRow; outcome: "processing" | "settled" },
): Promise<void> {
  const now = clock.now();
  const { invoiceId, firstFailedAt, state, declineCode, mode } = dunning;
  const next = nextDunningStep({ firstFailedAt, lastTriedAt: now, action: "retry" }).at;
  await db.transaction(async (tx) => {
    await dunningAttempts.updateAttemptEnded(tx, { ...attempt, outcome, declineCode: null, now });
    await dunningCases.updateCaseFailed(tx, {
      invoiceId,
      state,
      declineCode,
      failedPaymentMethodId: null,
      triedAt: now,
      nextStepAt: mode === "worker" ? next : null,
    });
  });
}

interface FailedTry {
  due: Pick<DueCase, "dunning" | "mirrored">;
  attempt: DunningAttemptRow;
  outcome: Extract<Outcome, { outcome: "declined" }>;
}

async function fail({ db, clock }: RecordDeps, { due, attempt, outcome }: FailedTry): Promise<void> {
  const now = clock.now();
  const { declineCode, paymentMethodId } = outcome;
  const action = declineActionOf(declineCode);
  const { firstFailedAt, mode, settledAt } = due.dunning;
  const next = nextDunningStep({ firstFailedAt, lastTriedAt: now, action }).at;
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
      nextStepAt: mode === "worker" ? next : null,
    });
    if (settledAt !== null) await dunningCases.updateCaseIdle(tx, invoiceId);
    // Settled meanwhile by somebody else: a failure is not told after its success.
    else if (settled === 0) return;
    const tell = asks ? tellActionRequired : tellPaymentFailed;
    await tell(tx, due.mirrored, { declineCode, step: String(attempt.attempt), now });
  });
}
