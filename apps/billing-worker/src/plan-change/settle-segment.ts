import { periodCloses, type PlanChangeRow, planChanges, type Queryable } from "@driftlock/db";
import { findDrain } from "../closing/drain-stream.ts";
import { freezeLeft } from "../closing/freeze-usage.ts";
import { findDifference, triesBeforeMismatch } from "../closing/verify-usage.ts";
import { type ChangeStep, effectiveAtOf, tryAgain } from "./change-step.ts";

const pollMs = 100;
const minuteMs = 60_000;
/** Gateways' clocks differ a little: what they accepted before the cut is in the stream by then. */
const skewMs = 500;

/** The row that ends with the cut: what was used on the plan before. */
export async function listSegment(q: Queryable, change: PlanChangeRow) {
  const { accountId, stripeSubscriptionId } = change;
  const periodEnd = effectiveAtOf(change);
  const periodStart = new Date(periodEnd.getTime() - 1);
  return periodCloses.listPeriodsOfClose(q, { accountId, stripeSubscriptionId, periodStart, periodEnd });
}

/** Waits until all that was accepted before the cut is committed in Postgres. */
export const drainSegment: ChangeStep = async (deps, change) => {
  const { db, clock } = deps;
  const waitMs = effectiveAtOf(change).getTime() + skewMs - clock.now().getTime();
  if (waitMs > 0) return tryAgain(deps, change, { delayMs: waitMs });
  const { accountId, drainPositions } = change;
  const drain = await findDrain(deps, { accountId, mark: drainPositions });
  if (drain.isReached) {
    await planChanges.updateChangeState(db, change, { state: "reporting" });
    return "advanced";
  }
  if (drainPositions === null) await planChanges.updateChangeDrain(db, change, drain.mark);
  return tryAgain(deps, change, { delayMs: pollMs });
};

/** Freezes what is left to report of what was used before the cut; the aggregator sends it, a second before the cut. */
export const freezeSegment: ChangeStep = async ({ db, clock }, change) => {
  const { accountId } = change;
  await db.transaction(async (tx) => {
    for (const { periodStart } of await listSegment(tx, change))
      await freezeLeft(tx, { accountId, periodStart, now: clock.now() });
    await planChanges.updateChangeState(tx, change, { state: "verifying", tries: change.tries });
  });
  return "advanced";
};

/** Compares what was used before the cut, what was reported of it and what Stripe has summed up. */
export const verifySegment: ChangeStep = async (deps, change, { log }) => {
  const { db } = deps;
  const { accountId, changeId } = change;
  const segment = await listSegment(db, change);
  const periodStarts = segment.map(({ periodStart }) => periodStart);
  const totals = await periodCloses.listBilledTotals(db, { accountId, periodStarts });
  if (totals.some(({ openCount }) => openCount > 0)) return tryAgain(deps, change, { delayMs: pollMs });
  const [first] = periodStarts;
  const span = { accountId, from: first ?? effectiveAtOf(change), until: effectiveAtOf(change) };
  const difference = first === undefined ? "" : await findDifference(deps, span, totals);
  if (difference === "") {
    await planChanges.updateChangeState(db, change, { state: "changing" });
    return "advanced";
  }
  const tries = change.tries + 1;
  if (tries < triesBeforeMismatch) {
    // Usage came in after the window was frozen.
    const isBehind = totals.some(
      ({ failedCount, totalQuantity, sentQuantity }) => failedCount === 0 && totalQuantity !== sentQuantity,
    );
    if (isBehind) await planChanges.updateChangeState(db, change, { state: "reporting", tries });
    const waiting = { ...change, state: isBehind ? ("reporting" as const) : change.state };
    return tryAgain(deps, waiting, { delayMs: Math.min(pollMs * 2 ** tries, minuteMs), tries });
  }
  log.error({ page: true, changeId, accountId, difference }, "plan-change.mismatched");
  const detail =
    "The usage so far could not be verified with Stripe, and nothing has changed; try again later.";
  await planChanges.updateChangeState(db, change, {
    state: "undoing",
    refusal: { code: "UNAVAILABLE", detail },
  });
  return "advanced";
};
