import { type BilledTotalRow, periodCloses, type PeriodCloseRow, usageReportLanes } from "@driftlock/db";
import { mismatchDeadlineMs } from "@driftlock/domain";
import { meterTotal, type Stripe, stripeCall } from "@driftlock/stripe";
import type { Logger } from "@driftlock/runtime";
import { holdDraft } from "./claim-draft.ts";
import type { CloseDeps, CloseStep } from "./close-step.ts";
import { isPastDeadline, tryAgain } from "./try-again.ts";
import { unlessCustomerDeleted } from "./unless-customer-deleted.ts";

const pollMs = 200;
const minuteMs = 60_000;
/** Stripe sums up with a delay: after these tries, about two minutes, a difference is taken for one. */
export const triesBeforeMismatch = 9;

/** Compares what was used, what was reported and what Stripe has summed up; only then the period may end. */
export const verifyUsage: CloseStep = async (deps, close, log) => {
  const { db } = deps;
  const periods = await periodCloses.listPeriodsOfClose(db, close);
  const periodStarts = periods.map((period) => period.periodStart);
  const totals = await periodCloses.listBilledTotals(db, { accountId: close.accountId, periodStarts });
  const isLate = isPastDeadline(deps, close);
  if (!isLate && totals.some((total) => total.openCount > 0))
    return tryAgain(deps, close, { delayMs: pollMs });
  const isBehind = totals.some(
    (total) => total.failedCount === 0 && total.totalQuantity !== total.sentQuantity,
  );
  if (!isLate && isBehind && close.tries < triesBeforeMismatch) return freezeAgain(deps, close);
  const span = { accountId: close.accountId, from: close.periodStart, until: close.periodEnd };
  const difference = await findDifference(deps, span, totals);
  if (difference === "") {
    await periodCloses.updateCloseState(db, close, { state: "finalizing" });
    return "advanced";
  }
  return hold(deps, { close, difference, isLate, log });
};

/** Usage came in after the window was frozen. */
async function freezeAgain({ db, wallClock }: CloseDeps, close: PeriodCloseRow): Promise<"advanced"> {
  await periodCloses.updateCloseRetry(db, close, { nextTryAt: wallClock.now(), tries: close.tries + 1 });
  await periodCloses.updateCloseState(db, close, { state: "reporting" });
  return "advanced";
}

interface Span {
  accountId: string;
  from: Date;
  until: Date;
}

/** What was used against what was reported, and that against what Stripe has summed up. "" where all of it agrees. */
export async function findDifference(
  deps: Pick<CloseDeps, "db" | "stripe" | "clock">,
  span: Span,
  totals: readonly Pick<BilledTotalRow, "metric" | "totalQuantity" | "sentQuantity">[],
): Promise<string> {
  return totals
    .filter((total) => total.totalQuantity !== total.sentQuantity)
    .map((total) => `${total.metric}: used ${total.totalQuantity}, reported ${total.sentQuantity}`)
    .concat(await differencesAtStripe(deps, span, [...new Set(totals.map((total) => total.metric))]))
    .join("; ");
}

/**
 * Stripe's summaries against our ledger of reports, over whole minutes (its unit) and so over everything that was
 * reported in them, whatever period it bills. What agrees is confirmed.
 */
async function differencesAtStripe(
  { db, stripe, clock }: Pick<CloseDeps, "db" | "stripe" | "clock">,
  { accountId, ...span }: Span,
  metrics: string[],
): Promise<string[]> {
  const from = new Date(Math.floor(span.from.getTime() / minuteMs) * minuteMs);
  const until = new Date(Math.ceil(span.until.getTime() / minuteMs) * minuteMs);
  const differences: string[] = [];
  for (const lane of await usageReportLanes.listLanes(db, { accountId, metrics })) {
    const minutes = { ...lane, from, until };
    const ledger = await usageReportLanes.findLedger(db, minutes);
    const summed = await totalAtStripe(stripe, minutes);
    if (summed === ledger.quantity)
      await usageReportLanes.updateConfirmed(db, minutes, { ledger, now: clock.now() });
    else differences.push(`${lane.metric}: reported ${ledger.quantity}, Stripe has ${summed}`);
  }
  return differences;
}

/** Of a deleted customer Stripe may say nothing: nothing of it will be billed. */
async function totalAtStripe(stripe: Stripe, span: usageReportLanes.LaneSpan): Promise<number> {
  const of = { customer: span.stripeCustomerId };
  return (await unlessCustomerDeleted(stripe, of, () => meterTotal(stripe, span))) ?? 0;
}

interface Held {
  close: PeriodCloseRow;
  difference: string;
  isLate: boolean;
  log: Logger;
}

/** Tries again, less and less often; a difference that stays is told to a person, and the draft is held longer, once. */
async function hold(
  deps: CloseDeps,
  { close, difference, isLate, log }: Held,
): Promise<"advanced" | "waiting"> {
  const { db, stripe } = deps;
  const fields = { page: true, accountId: close.accountId, invoiceId: close.invoiceId, difference };
  if (isLate) {
    log.error(fields, "period-close.ended-with-mismatch");
    await periodCloses.updateCloseState(db, close, { state: "finalizing", mismatch: difference });
    return "advanced";
  }
  const tries = close.tries + 1;
  if (tries >= triesBeforeMismatch && close.mismatch === null) {
    log.error(fields, "period-close.mismatched");
    const until = new Date(close.periodEnd.getTime() + mismatchDeadlineMs);
    const isHeldLonger = close.invoiceId !== null && until > close.deadlineAt;
    if (isHeldLonger && close.invoiceId !== null) {
      const { invoiceId } = close;
      await holdDraft(stripe, await stripeCall(() => stripe.invoices.retrieve(invoiceId)), until);
    }
    const deadlineAt = isHeldLonger ? until : close.deadlineAt;
    await periodCloses.updateCloseState(db, close, { state: "verifying", deadlineAt, mismatch: difference });
  }
  return tryAgain(deps, close, { delayMs: Math.min(250 * 2 ** tries, minuteMs), tries });
}
