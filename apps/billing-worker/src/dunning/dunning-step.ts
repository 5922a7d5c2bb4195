import {
  type DunningCaseRow,
  type Db,
  dunningAttempts,
  dunningCases,
  type InvoiceRow,
  invoices,
} from "@driftlock/db";
import { declineActionOf, type DunningFinalStep, nextDunningStep } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { JobContext, Producer } from "@driftlock/runtime/queue";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { endDunning } from "./end-dunning.ts";
import { resumePaused } from "./resume-paused.ts";
import { resync } from "./resync.ts";
import { tryPayment } from "./try-payment.ts";

export interface DunningDeps {
  db: Db;
  stripe: Stripe;
  producer: Producer;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
  finalStep: DunningFinalStep;
}

/** A case that is due, its invoice as Stripe has it now, and as it is mirrored. */
export interface DueCase {
  dunning: DunningCaseRow;
  invoice: Stripe.Invoice;
  mirrored: InvoiceRow;
}

export type DunningStepRun = (invoiceId: string, context: Pick<JobContext, "log">) => Promise<void>;

/**
 * The next step of one invoice that was not paid, where it is due: taken from Stripe's own retries, tried again, given up,
 * or, paid after all, its paused subscription resumed. Nothing is done twice: a try is written down before it is made,
 * and repeated under its key.
 */
export function createDunningStep(deps: DunningDeps): DunningStepRun {
  return async (invoiceId, { log }) => {
    const now = deps.clock.now();
    const dunning = await dunningCases.findCase(deps.db, invoiceId);
    if (dunning === null || dunning.nextStepAt === null || dunning.nextStepAt > now) return;
    const fields = { invoiceId, accountId: dunning.accountId, state: dunning.state };
    if (dunning.state === "recovered") {
      await resumePaused(deps, dunning);
      return log.info(fields, "dunning.resumed");
    }
    const due = await findDue(deps, dunning, now);
    if (due === null) return;
    if (dunning.mode === "worker" && dunning.takenOverAt === null) {
      await takeOver(deps, due, now);
      log.info(fields, "dunning.taken-over");
    } else if (isEnd(dunning) && (await dunningAttempts.findUnfinishedAttempt(deps.db, invoiceId)) === null) {
      await endDunning(deps, due);
      log.info({ ...fields, finalStep: dunning.finalStep ?? deps.finalStep }, "dunning.gave-up");
    } else {
      const { outcome, attempt, declineCode } = await tryPayment(deps, due);
      log.info({ ...fields, outcome, try: attempt, declineCode }, "dunning.tried");
    }
  };
}

async function findDue(deps: DunningDeps, dunning: DunningCaseRow, now: Date): Promise<DueCase | null> {
  const { db, stripe } = deps;
  const { invoiceId } = dunning;
  const mirrored = await invoices.findInvoice(db, invoiceId);
  if (mirrored === null) return null;
  const expand = ["parent.subscription_details.subscription"];
  const invoice = await stripeCall(() => stripe.invoices.retrieve(invoiceId, { expand }));
  // Cancelled by our own last step, it is to be ended, not left.
  if (dunning.state !== "gave_up" && isLeftBehindNow(invoice)) {
    await dunningCases.updateCaseSettled(db, { invoiceId, state: "stopped", now });
    return null;
  }
  const isWrittenOff = invoice.status === "uncollectible" && dunning.settledAt !== null;
  if (invoice.status === "open" || isWrittenOff) return { dunning, invoice, mirrored };
  // Settled while we were away: applying it settles the case and tells of it.
  await resync(deps, { objectId: invoiceId, objectType: "invoice" });
  return null;
}

/** By Stripe's word: a cancellation whose event is still on its way must not be charged after. */
function isLeftBehindNow({ parent, created }: Stripe.Invoice): boolean {
  const subscription = parent?.subscription_details?.subscription;
  if (subscription === undefined || typeof subscription === "string") return false;
  return subscription.ended_at !== null && created < subscription.ended_at;
}

/** Only a card that came since, or what an operator asked for, is tried before the end. Stripe's end is its own. */
function isEnd(dunning: DunningCaseRow): boolean {
  if (dunning.newPaymentMethodId !== null || dunning.retryRequestedAt !== null) return false;
  if (dunning.mode === "stripe" || dunning.settledAt !== null) return false;
  const action = declineActionOf(dunning.declineCode);
  return nextDunningStep({ ...dunning, action }).kind === "final";
}

/** From here on nobody but us collects the invoice. Asking again for it changes nothing. */
async function takeOver({ db, stripe }: DunningDeps, { dunning }: DueCase, now: Date): Promise<void> {
  const { invoiceId } = dunning;
  await stripeCall(() =>
    stripe.invoices.update(
      invoiceId,
      { auto_advance: false },
      { idempotencyKey: `dunning-take-over-${invoiceId}` },
    ),
  );
  const action = declineActionOf(dunning.declineCode);
  const { at } = nextDunningStep({ ...dunning, action });
  await dunningCases.updateCaseTakenOver(db, { invoiceId, now, nextStepAt: at });
}
