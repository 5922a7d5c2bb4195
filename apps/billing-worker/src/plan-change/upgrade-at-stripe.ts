import { AppError } from "@driftlock/contracts";
import { catalog, type ChangeRefusal, type PlanChangeRow, planChanges } from "@driftlock/db";
import { upgradeParams } from "@driftlock/domain";
import type { Logger } from "@driftlock/runtime";
import { declineOf, stripeCall } from "@driftlock/stripe";
import {
  type ChangeDeps,
  type ChangeStep,
  effectiveAtOf,
  noSubscription,
  plansOf,
  type Present,
  readPresent,
} from "./change-step.ts";
import { listSegment } from "./settle-segment.ts";

const secondMs = 1_000;

/**
 * Makes the upgrade at Stripe, which bills what was reported before the cut and charges at once. What became of a try
 * whose answer was lost is read back first. A payment that is declined takes everything back.
 */
export const upgradeAtStripe: ChangeStep = async (deps, change, { log, signal }) => {
  const { db, stripe } = deps;
  const plans = await catalog.listPlans(db);
  const { from, to } = plansOf(plans, change);
  if (to === null) throw new AppError("INTERNAL", `The upgrade ${change.changeId} names no plan.`);
  const present = await readPresent(stripe, plans, change.stripeSubscriptionId);
  if (present === null) return undo(deps, change, noSubscription(change.accountId));
  if (present.plan === to) {
    await planChanges.updateChangeState(db, change, { state: "settling" });
    return "advanced";
  }
  // Renewed in the meantime, or changed by others: decided anew from what there is now.
  if (present.plan !== from || !isWithinPeriod(present, change)) return undo(deps, change);
  if (isExpired(deps, change))
    return undo(deps, change, { code: "STRIPE_UNAVAILABLE", detail: "Stripe did not answer; try again." });
  if (await isReportedPast(deps, change)) return undo(deps, change);
  await planChanges.updateChangeSent(db, change, deps.wallClock.now());
  // Who was held up for so long that another took over must not ask for what that one has given up.
  signal.throwIfAborted();
  return send(deps, change, { present, to, log });
};

async function send(
  deps: ChangeDeps,
  change: PlanChangeRow,
  { present, to, log }: { present: Present; to: catalog.PlanRow; log: Logger },
): Promise<"advanced"> {
  const atSeconds = effectiveAtOf(change).getTime() / secondMs;
  try {
    await stripeCall(() =>
      deps.stripe.subscriptions.update(
        change.stripeSubscriptionId,
        {
          ...upgradeParams(present, to, atSeconds),
          payment_behavior: "error_if_incomplete",
          metadata: { plan_changed_at: String(atSeconds) },
        },
        { idempotencyKey: `plan-change.${change.changeId}.${atSeconds}` },
      ),
    );
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null) throw error;
    if (refusal.code === "INTERNAL")
      log.error({ page: true, err: error, changeId: change.changeId }, "plan-change.refused-by-stripe");
    return undo(deps, change, refusal);
  }
  await planChanges.updateChangeState(deps.db, change, { state: "settling" });
  return "advanced";
}

/** Null where trying again may help, or where what became of it is not known. */
function refusalOf(error: unknown): ChangeRefusal | null {
  if (!(error instanceof AppError)) return null;
  if ((error.cause as { statusCode?: number } | undefined)?.statusCode === 400)
    return { code: "INTERNAL", detail: "Stripe refused the change, and nothing has changed." };
  if (declineOf(error) === null) return null;
  const { declineCode } = error.extensions;
  return {
    code: error.code,
    detail: error.message,
    ...(typeof declineCode === "string" && { declineCode }),
  };
}

/** Without a refusal the change is begun anew. */
async function undo({ db }: ChangeDeps, change: PlanChangeRow, refusal?: ChangeRefusal): Promise<"advanced"> {
  await planChanges.updateChangeState(db, change, { state: "undoing", ...(refusal && { refusal }) });
  return "advanced";
}

function isWithinPeriod({ periodStartSeconds, periodEndSeconds }: Present, change: PlanChangeRow): boolean {
  const atSeconds = effectiveAtOf(change).getTime() / secondMs;
  return atSeconds > periodStartSeconds && atSeconds <= periodEndSeconds;
}

/** A try that was lost is not on its way any more. */
const isExpired = ({ wallClock }: ChangeDeps, { giveUpAt }: PlanChangeRow): boolean =>
  wallClock.now() >= giveUpAt;

/** Something of the time before the cut was reported past it: Stripe would not bill it with the rest. */
async function isReportedPast({ db }: ChangeDeps, change: PlanChangeRow): Promise<boolean> {
  const at = effectiveAtOf(change);
  for (const { periodStart } of await listSegment(db, change))
    if (await planChanges.hasReportsFrom(db, { accountId: change.accountId, periodStart, at })) return true;
  return false;
}
