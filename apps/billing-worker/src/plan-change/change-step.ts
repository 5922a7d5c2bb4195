import { AppError } from "@driftlock/contracts";
import {
  type catalog,
  type ChangeRefusal,
  type Db,
  type PlanChangeRow,
  planChanges,
  stripeObjects,
} from "@driftlock/db";
import { type PresentSubscription, presentSubscription } from "@driftlock/domain";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import type { JobContext } from "@driftlock/runtime/queue";
import type { ClosePeriod } from "../closing/close-period.ts";
import type { CloseDeps } from "../closing/close-step.ts";
import type { SyncObject } from "../sync/sync-object.ts";

export interface ChangeDeps extends CloseDeps {
  syncObject: SyncObject;
  close: ClosePeriod;
}

export type ChangeContext = Pick<JobContext, "log" | "signal">;
export type Present = PresentSubscription<catalog.PlanRow>;

/**
 * One state of a change. It does its work, which may be repeated, and moves the row; `waiting` leaves the row where it
 * is, to be tried again at the time that the step has set.
 */
export type ChangeStep = (
  deps: ChangeDeps,
  change: PlanChangeRow,
  context: ChangeContext,
) => Promise<"advanced" | "waiting">;

/** Puts the next try off by `delayMs` of wall time. */
export async function tryAgain(
  { db, wallClock }: { db: Db; wallClock: CloseDeps["wallClock"] },
  change: PlanChangeRow,
  { delayMs, tries = change.tries }: { delayMs: number; tries?: number },
): Promise<"waiting"> {
  const nextTryAt = new Date(wallClock.now().getTime() + delayMs);
  await planChanges.updateChangeRetry(db, change, { nextTryAt, tries });
  return "waiting";
}

/** Ends a change that has touched nothing, or whose traces are gone. */
export async function refuse(
  { db, clock }: Pick<ChangeDeps, "db" | "clock">,
  change: PlanChangeRow,
  refusal: ChangeRefusal,
): Promise<"advanced"> {
  await planChanges.updateChangeFinished(db, change, { refusal, now: clock.now() });
  return "advanced";
}

export const noSubscription = (accountId: string): ChangeRefusal => ({
  code: "NO_SUBSCRIPTION",
  detail: `"${accountId}" has no paid subscription: begin one with POST /billing/checkout.`,
});

/** The subscription as Stripe has it now; null where it has ended. */
export async function readPresent(
  stripe: Stripe,
  plans: readonly catalog.PlanRow[],
  subscriptionId: string,
): Promise<Present | null> {
  try {
    const subscription = await stripeCall(() =>
      stripe.subscriptions.retrieve(subscriptionId, { expand: ["schedule"] }),
    );
    return presentSubscription(plans, subscription);
  } catch (error) {
    if (isResourceMissing(error)) return null;
    throw error;
  }
}

/** Brings the mirror in line with what Stripe has now: a fetch that begins after this call was applied. */
export async function mirror(
  { db, wallClock, syncObject }: ChangeDeps,
  { stripeSubscriptionId }: PlanChangeRow,
  context: ChangeContext,
): Promise<void> {
  await stripeObjects.markDirty(db, {
    objectId: stripeSubscriptionId,
    objectType: "subscription",
    stripeCustomerId: null,
    now: wallClock.now(),
  });
  await syncObject(stripeSubscriptionId, context);
}

/** The plans of a change that was decided. */
export function plansOf(plans: readonly catalog.PlanRow[], change: PlanChangeRow) {
  const from = findPlan(plans, change.fromPlanId, change.fromPlanVersion);
  if (change.kind === null || from === null)
    throw new AppError("INTERNAL", `The change ${change.changeId} was not decided.`);
  return {
    kind: change.kind,
    from,
    to: findPlan(plans, change.toPlanId, change.toPlanVersion),
    dropped: findPlan(plans, change.droppedPlanId, change.droppedPlanVersion),
  };
}

export const findPlan = (plans: readonly catalog.PlanRow[], planId: string | null, version: number | null) =>
  plans.find((plan) => plan.planId === planId && plan.version === version) ?? null;

/** When it takes effect, of a change whose effect has an instant. */
export function effectiveAtOf({ changeId, effectiveAt }: PlanChangeRow): Date {
  if (effectiveAt === null) throw new AppError("INTERNAL", `The change ${changeId} has no instant.`);
  return effectiveAt;
}
