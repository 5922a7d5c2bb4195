import { randomUUID } from "node:crypto";
import {
  accounts,
  type ChangeRefusal,
  type Db,
  type MoveKey,
  planChanges,
  planVersionMoves,
  type PlanVersionMoveRow,
  type SubscriptionRow,
  subscriptions,
  type Transaction,
} from "@driftlock/db";
import { cycleAt, cycleIndexAt, type MoveStep, versionMoveStep } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import type { JobContext } from "@driftlock/runtime/queue";
import type { PushLimits } from "../periods/push-limits.ts";
import { retilePeriods } from "../periods/retile-periods.ts";
import { tellVersionChanging } from "./tell-version-changing.ts";

interface Deps {
  db: Db;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
  pushLimits: PushLimits;
}

export type MovePlanVersion = (key: MoveKey, context: Pick<JobContext, "log">) => Promise<void>;

const pollMs = 1_000;
const backoffMsMin = 60_000;
const backoffMsMax = 60 * 60_000;
const triesBeforePage = 6;
/** As for a customer's own change: past it a cut that could not be made is taken back. */
const giveUpMs = 5 * 60_000;

/**
 * Looks at one account's move and does the next thing, in one transaction: a change of its subscription is asked for (and
 * carried out like a customer's), or the account is told what is planned. What that is follows from the mirror alone, so
 * that any number of looks make one move (docs/decisions/0032).
 */
export function createMovePlanVersion({ db, clock, wallClock, pushLimits }: Deps): MovePlanVersion {
  return async (key, { log }) => {
    const isRetiled = await db.transaction(async (tx) => {
      const account = await accounts.findAccountForUpdate(tx, key.accountId);
      const move = await planVersionMoves.findMove(tx, key);
      if (account === null || move === null || move.settledAt !== null) return false;
      const times = { now: clock.now(), wallNow: wallClock.now() };
      if (move.nextTryAt > times.wallNow) return false;
      if (move.planId === "free") return moveFree(tx, move, { account, ...times });
      await movePaid(tx, move, { log, ...times });
      return false;
    });
    if (isRetiled) await pushLimits({ accountId: key.accountId });
  };
}

interface Times {
  now: Date;
  wallNow: Date;
}

/** Free has no subscription: from the end of the account's present cycle on its periods are of the new version. */
async function moveFree(
  tx: Transaction,
  move: PlanVersionMoveRow,
  { account, now }: Times & { account: accounts.AccountRow },
): Promise<boolean> {
  const { freeAnchorAt, accountId } = account;
  const isInForce = move.effectiveAt !== null && move.effectiveAt <= now;
  const effectiveAt = isInForce ? null : cycleAt(freeAnchorAt, cycleIndexAt(freeAnchorAt, now)).end;
  await planVersionMoves.updateMoveSettled(tx, move, { now, effectiveAt });
  const isRetiled = await retilePeriods(tx, { accountId, now });
  // Who pays for a plan is not on Free, and is not told of it.
  const [paying] = (await subscriptions.listSubscriptions(tx, accountId)).filter(isHolding);
  if (effectiveAt !== null && paying === undefined)
    await tellVersionChanging(tx, move, { effectiveAt, subscriptionId: null, now });
  return isRetiled;
}

const isHolding = ({ status }: SubscriptionRow): boolean =>
  !["canceled", "incomplete", "incomplete_expired"].includes(status);

async function movePaid(
  tx: Transaction,
  move: PlanVersionMoveRow,
  { now, wallNow, log }: Times & { log: Logger },
): Promise<void> {
  const change = move.changeId === null ? null : await planChanges.findChange(tx, move.changeId);
  if (change !== null && change.state !== "finished") return lookAgain(tx, move, wallNow);
  const found = await findStep(tx, move);
  if (found?.step.kind === "change") {
    const { stripeSubscriptionId: subscriptionId } = found.subscription;
    return change === null
      ? ask(tx, move, { wish: found.step.wish, subscriptionId, now, wallNow })
      : postpone(tx, move, { refusal: change.refusal, wallNow, log });
  }
  const effectiveAt =
    found?.step.kind === "planned"
      ? found.step.effectiveAt
      : change?.refusal === null
        ? change.effectiveAt
        : null;
  const isTold = found?.step.kind === "planned" || found?.step.kind === "moved";
  await planVersionMoves.updateMoveSettled(tx, move, { now, effectiveAt });
  if (isTold && effectiveAt !== null)
    await tellVersionChanging(tx, move, {
      effectiveAt,
      subscriptionId: found.subscription.stripeSubscriptionId,
      now,
    });
  log.info({ ...keyOf(move), toVersion: move.toVersion, step: found?.step }, "plan-version.settled");
}

/** Of several subscriptions, which nobody should have, the one that something is to be done about. */
async function findStep(
  tx: Transaction,
  move: PlanVersionMoveRow,
): Promise<{ subscription: SubscriptionRow; step: MoveStep } | null> {
  const all = await subscriptions.listSubscriptions(tx, move.accountId);
  const steps = all
    .map((subscription) => ({ subscription, step: versionMoveStep(subscription, move) }))
    .filter(({ step }) => step.kind !== "elsewhere");
  return steps.find(({ step }) => step.kind === "change") ?? steps[0] ?? null;
}

/** One change of an account at a time: while there is another one, it is waited for. */
async function ask(
  tx: Transaction,
  move: PlanVersionMoveRow,
  { wish, subscriptionId, now, wallNow }: Times & { wish: "migrate" | "migrate-now"; subscriptionId: string },
): Promise<void> {
  const changeId = randomUUID();
  const isAsked = await planChanges.insertChange(tx, {
    changeId,
    accountId: move.accountId,
    stripeSubscriptionId: subscriptionId,
    wish,
    wantedPlanId: move.planId,
    wantedPlanVersion: move.toVersion,
    now,
    giveUpAt: new Date(wallNow.getTime() + giveUpMs),
  });
  await lookAgain(tx, { ...move, changeId: isAsked ? changeId : null }, wallNow);
}

/** A change that was in vain: what could not be charged now comes with the next period, like any renewal. */
async function postpone(
  tx: Transaction,
  move: PlanVersionMoveRow,
  { refusal, wallNow, log }: { refusal: ChangeRefusal | null; wallNow: Date; log: Logger },
): Promise<void> {
  const tries = move.tries + 1;
  const page = tries >= triesBeforePage;
  log[page ? "error" : "warn"](
    { ...(page && { page }), ...keyOf(move), refusal, tries },
    "plan-version.postponed",
  );
  const isAtOnce = move.timing === "now";
  const delayMs = isAtOnce ? 0 : Math.min(backoffMsMin * 2 ** move.tries, backoffMsMax);
  const nextTryAt = new Date(wallNow.getTime() + delayMs);
  const timing = "period-end";
  await planVersionMoves.updateMoveNext(tx, move, { changeId: null, nextTryAt, tries, timing, refusal });
}

const lookAgain = async (tx: Transaction, move: PlanVersionMoveRow, wallNow: Date): Promise<void> => {
  const nextTryAt = new Date(wallNow.getTime() + pollMs);
  await planVersionMoves.updateMoveNext(tx, move, { ...move, nextTryAt });
};

const keyOf = ({ accountId, planId, fromVersion }: PlanVersionMoveRow): MoveKey => ({
  accountId,
  planId,
  fromVersion,
});
