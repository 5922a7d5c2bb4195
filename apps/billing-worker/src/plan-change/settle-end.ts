import { AppError } from "@driftlock/contracts";
import { catalog, planChanges } from "@driftlock/db";
import { plannedEnd, schedulePhases } from "@driftlock/domain";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { type ChangeStep, plansOf, type Present, readPresent } from "./change-step.ts";

/**
 * Brings how the subscription goes on at its period's end to what the change wants, from whatever it is set to: whoever
 * buys more means to stay, so an end or a cheaper plan that was planned is off with an upgrade, too.
 */
export const settleEnd: ChangeStep = async ({ db, stripe }, change) => {
  const plans = await catalog.listPlans(db);
  const { kind, from, to } = plansOf(plans, change);
  if (kind === "cancel-now")
    throw new AppError("INTERNAL", `${change.changeId} ends its subscription itself.`);
  const present = await readPresent(stripe, plans, change.stripeSubscriptionId);
  if (present !== null) await bringTo(stripe, present, plannedEnd({ kind, from, to }));
  await planChanges.updateChangeState(db, change, { state: "syncing" });
  return "advanced";
};

async function bringTo(
  stripe: Stripe,
  present: Present,
  { isEnding, next }: { isEnding: boolean; next: catalog.PlanRow | null },
): Promise<void> {
  // While a schedule manages it, Stripe takes no cancellation and takes none back.
  if (next === null) await releaseSchedule(stripe, present);
  if (isEnding !== present.isEnding) await setEnding(stripe, present.subscriptionId, isEnding);
  if (next !== null) await schedule(stripe, present, next);
}

export async function releaseSchedule(stripe: Stripe, { scheduleId }: Present): Promise<void> {
  if (scheduleId !== null) await stripeCall(() => stripe.subscriptionSchedules.release(scheduleId));
}

export async function setEnding(stripe: Stripe, subscriptionId: string, isEnding: boolean): Promise<void> {
  await stripeCall(() => stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: isEnding }));
}

/** A schedule that is there, or was left bare by a crash after its making, is written anew. */
async function schedule(stripe: Stripe, present: Present, next: catalog.PlanRow): Promise<void> {
  const { scheduleId, subscriptionId } = present;
  const made = await stripeCall(() =>
    scheduleId === null
      ? stripe.subscriptionSchedules.create({ from_subscription: subscriptionId })
      : stripe.subscriptionSchedules.retrieve(scheduleId),
  );
  const startSeconds = made.current_phase?.start_date ?? present.periodStartSeconds;
  await stripeCall(() =>
    stripe.subscriptionSchedules.update(made.id, {
      end_behavior: "release",
      proration_behavior: "none",
      phases: schedulePhases(present, next, startSeconds),
    }),
  );
}
