import { AppError, isRetryable } from "@driftlock/contracts";
import { type ChangeRefusal, type ChangeState, type PlanChangeRow, planChanges } from "@driftlock/db";
import { beginChange } from "./begin-change.ts";
import { type ChangeContext, type ChangeDeps, type ChangeStep, refuse, tryAgain } from "./change-step.ts";
import { closeSubscription, endSubscription } from "./end-subscription.ts";
import { drainSegment, freezeSegment, verifySegment } from "./settle-segment.ts";
import { mirrorChange } from "./mirror-change.ts";
import { settleEnd } from "./settle-end.ts";
import { undoCut } from "./undo-cut.ts";
import { upgradeAtStripe } from "./upgrade-at-stripe.ts";

/** ADR 0020. An upgrade goes from draining to changing, and all that change Stripe through settling and syncing. */
const steps: Readonly<Record<Exclude<ChangeState, "finished">, ChangeStep>> = {
  requested: beginChange,
  draining: drainSegment,
  reporting: freezeSegment,
  verifying: verifySegment,
  changing: upgradeAtStripe,
  undoing: undoCut,
  ending: endSubscription,
  closing: closeSubscription,
  settling: settleEnd,
  syncing: mirrorChange,
};

/** States in which nothing has changed at Stripe, as far as we know. */
const revocable: readonly ChangeState[] = ["requested", "draining", "reporting", "verifying", "changing"];

const backoffMsMin = 250;
const backoffMsMax = 30_000;
const triesBeforePage = 6;

export type CarryOutChange = (changeId: string, context: ChangeContext) => Promise<void>;

/**
 * Takes a change as far as it goes now. Every step is found again by the row's state and may be repeated, so a process
 * that dies anywhere in it is followed by another that goes on.
 */
export function createCarryOutChange(deps: ChangeDeps): CarryOutChange {
  return async (changeId, context) => {
    const { log, signal } = context;
    for (;;) {
      signal.throwIfAborted();
      const change = await planChanges.findChange(deps.db, changeId);
      if (change === null || change.state === "finished" || change.nextTryAt > deps.wallClock.now()) return;
      if ((await takeStep(deps, change, context)) === "waiting") return;
      log.info({ changeId, accountId: change.accountId, from: change.state }, "plan-change.advanced");
    }
  };
}

async function takeStep(
  deps: ChangeDeps,
  change: PlanChangeRow,
  context: ChangeContext,
): Promise<"advanced" | "waiting"> {
  if (change.state === "finished") return "waiting";
  if (isGivenUp(deps, change)) return giveUp(deps, change, context);
  try {
    return await steps[change.state](deps, change, context);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Once Stripe has changed there is no way back: it is tried until it goes through.
    if (!isRetryable(error) && revocable.includes(change.state))
      return abandon(deps, change, { code: error.code, detail: error.message });
    const tries = change.tries + 1;
    const { changeId, accountId, state } = change;
    const page = tries >= triesBeforePage;
    context.log[page ? "error" : "warn"](
      { ...(page && { page }), err: error, changeId, accountId, state, tries },
      "plan-change.postponed",
    );
    return tryAgain(deps, change, { delayMs: Math.min(backoffMsMin * 2 ** tries, backoffMsMax), tries });
  }
}

/** An upgrade that cannot be decided must not leave the account on a plan that nobody paid for. */
const isGivenUp = ({ wallClock }: ChangeDeps, { wish, state, sentAt, giveUpAt }: PlanChangeRow): boolean =>
  ["change", "migrate-now"].includes(wish) &&
  wallClock.now() >= giveUpAt &&
  revocable.includes(state) &&
  sentAt === null;

async function giveUp(deps: ChangeDeps, change: PlanChangeRow, { log }: ChangeContext): Promise<"advanced"> {
  const { changeId, accountId, state } = change;
  log.error({ page: true, changeId, accountId, state }, "plan-change.given-up");
  return abandon(deps, change, {
    code: "UNAVAILABLE",
    detail: "The change could not be made now, and nothing has changed; try again.",
  });
}

async function abandon(deps: ChangeDeps, change: PlanChangeRow, refusal: ChangeRefusal): Promise<"advanced"> {
  if (!change.isCut) return refuse(deps, change, refusal);
  await planChanges.updateChangeState(deps.db, change, { state: "undoing", refusal });
  return "advanced";
}
