import { catalog, type PlanChangeRow, periodCloses, planChanges, subscriptions } from "@driftlock/db";
import { isLiveSubscription } from "@driftlock/domain";
import { isResourceMissing, stripeCall } from "@driftlock/stripe";
import { openCancelClose } from "../closing/open-cancel-close.ts";
import {
  type ChangeDeps,
  type ChangeStep,
  effectiveAtOf,
  mirror,
  type Present,
  readPresent,
  tryAgain,
} from "./change-step.ts";
import { releaseSchedule, setEnding } from "./settle-end.ts";

const pollMs = 250;

/**
 * Ends a subscription now. Stripe is told first that it goes no further than its period: so a renewal cannot come in
 * between, and on which side of one the cancellation falls is what Stripe answers. Then the close that bills what was
 * used is opened.
 */
export const endSubscription: ChangeStep = async (deps, change, context) => {
  const { db, stripe, clock, pushLimits } = deps;
  const { accountId, stripeSubscriptionId } = change;
  const plans = await catalog.listPlans(db);
  const present = await readPresent(stripe, plans, stripeSubscriptionId);
  if (present?.status === "paused") await cancelPaused(deps, change);
  else if (present !== null) await stopRenewal(deps, present);
  await mirror(deps, change, context);
  await db.transaction(async (tx) => {
    const subscription = await subscriptions.findSubscription(tx, stripeSubscriptionId);
    const isLive = subscription !== null && isLiveSubscription(subscription.status);
    if (isLive) {
      const cancelAt = new Date(
        Math.max(effectiveAtOf(change).getTime(), subscription.periodStart.getTime()),
      );
      await openCancelClose(tx, { stripeSubscriptionId, cancelAt, now: clock.now() });
      await planChanges.updateChangeEffective(tx, change, cancelAt);
    }
    await planChanges.updateChangeState(tx, change, { state: "closing" });
  });
  await pushLimits({ accountId });
  return "advanced";
};

async function stopRenewal({ stripe }: ChangeDeps, present: Present): Promise<void> {
  await releaseSchedule(stripe, present);
  await setEnding(stripe, present.subscriptionId, true);
}

/** Nothing is used on a subscription that is paused, and what was left unbilled at the pause stays so. */
async function cancelPaused({ stripe }: ChangeDeps, { changeId, stripeSubscriptionId }: PlanChangeRow) {
  try {
    await stripeCall(() =>
      stripe.subscriptions.cancel(
        stripeSubscriptionId,
        { invoice_now: false, prorate: false },
        { idempotencyKey: `plan-change.${changeId}.cancel` },
      ),
    );
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
  }
}

/** Takes the close on, which the ticker of closes does too, and waits until the mirror shows the end. */
export const closeSubscription: ChangeStep = async (deps, change, context) => {
  const { db, clock } = deps;
  const { stripeSubscriptionId } = change;
  const key = await periodCloses.findOpenCancel(db, stripeSubscriptionId);
  if (key !== null) {
    await deps.close(key, context);
    const isClosed = (await periodCloses.findClose(db, key))?.state === "closed";
    if (!isClosed) return tryAgain(deps, change, { delayMs: pollMs });
  }
  await mirror(deps, change, context);
  const subscription = await subscriptions.findSubscription(db, stripeSubscriptionId);
  if (subscription !== null && isLiveSubscription(subscription.status))
    return tryAgain(deps, change, { delayMs: pollMs });
  await planChanges.updateChangeFinished(db, change, { refusal: null, now: clock.now() });
  return "advanced";
};
