import { AppError, planChange, type SubscriptionDto } from "@driftlock/contracts";
import {
  catalog,
  type ChangeRefusal,
  type Db,
  type PlanChangeRow,
  planChanges,
  subscriptions,
} from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { changeableSubscription } from "./account-standing.ts";
import type { CustomerUseCases } from "./customer-use-cases.ts";
import { currentPlan } from "./plan-catalog.ts";
import { requireAccount } from "./require-account.ts";
import { waitUntil } from "./wait-until.ts";

const waitMs = 10_000;
/** A change that could not be decided by then is taken back, not made when nobody expects it any more. */
const giveUpMs = 5 * 60_000;
/** How long the outcome of a change that took too long is kept for whoever asks again. */
const tellWithinMs = 10 * 60_000;
const triesMax = 3;

interface Deps {
  db: Db;
  clock: Clock;
  wallNow: () => Date;
  producer: Producer;
  log: Logger;
  /** Unique for ever. */
  makeId: () => string;
  getSubscription: CustomerUseCases["getSubscription"];
}

type Wish = Pick<PlanChangeRow, "wish" | "wantedPlanId">;

/**
 * Everything that changes an account's paid subscription: written down as a change, which the worker carries out (ADR
 * 0020), and waited for up to 10 s. Past that it goes on by itself: the same request waits for it again and is told how
 * it ended, another one is refused meanwhile.
 */
export function createChangePlan(deps: Deps) {
  const { db, getSubscription } = deps;
  const change = async (accountId: string, wish: Wish): Promise<SubscriptionDto> => {
    await requireAccount(db, accountId);
    const changeId = await openChange(deps, accountId, wish);
    const { refusal } = await waitForEnd(deps, changeId);
    await planChanges.updateChangeTold(db, changeId, deps.clock.now());
    if (refusal !== null) throw errorOf(refusal);
    return getSubscription(accountId);
  };
  return {
    /**
     * To a dearer plan at once, to a cheaper one at the period's end; to Free is a cancellation at the period's end; to
     * the present one takes back what was still to come.
     * @throws UNKNOWN_PLAN, NO_SUBSCRIPTION, SUBSCRIPTION_NOT_ACTIVE, SAME_PLAN, ALREADY_CANCELED, CHANGE_IN_PROGRESS;
     * PAYMENT_FAILED and its like, and nothing has changed then; UNAVAILABLE while it goes on.
     */
    changePlan: async (accountId: string, planId: string): Promise<SubscriptionDto> => {
      const plan = await currentPlan(db, planId);
      return change(accountId, { wish: "change", wantedPlanId: plan.planId });
    },
    /** At the period's end, or now: then the usage up to this second is billed first. @throws NO_SUBSCRIPTION, ALREADY_CANCELED. */
    cancelSubscription: (accountId: string, when: "period-end" | "now"): Promise<SubscriptionDto> =>
      change(accountId, { wish: when === "now" ? "cancel-now" : "cancel", wantedPlanId: null }),
    /** @throws NO_SUBSCRIPTION, NOT_CANCELED. */
    resumeSubscription: (accountId: string): Promise<SubscriptionDto> =>
      change(accountId, { wish: "resume", wantedPlanId: null }),
  };
}

/** The change that the wish is: one that has ended and was never told of, the one under way, or a new one. */
async function openChange(deps: Deps, accountId: string, wish: Wish): Promise<string> {
  const { db, clock, wallNow, makeId } = deps;
  const now = clock.now();
  const since = new Date(now.getTime() - tellWithinMs);
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const untold = await planChanges.findUntoldChange(db, { accountId, ...wish, since });
    if (untold !== null) return untold.changeId;
    const open = await planChanges.findOpenChange(db, accountId);
    if (open !== null) return sameOrRefused(open, wish);
    const stripeSubscriptionId = await findChangeable(db, accountId);
    const changeId = makeId();
    const giveUpAt = new Date(wallNow().getTime() + giveUpMs);
    if (
      await planChanges.insertChange(db, {
        changeId,
        accountId,
        stripeSubscriptionId,
        ...wish,
        now,
        giveUpAt,
      })
    )
      return changeId;
  }
  throw inProgress();
}

function sameOrRefused({ changeId, wish, wantedPlanId }: PlanChangeRow, wanted: Wish): string {
  if (wish === wanted.wish && wantedPlanId === wanted.wantedPlanId) return changeId;
  throw inProgress();
}

const inProgress = (): AppError =>
  new AppError(
    "CHANGE_IN_PROGRESS",
    "Another change of this subscription is under way; try again in a moment.",
    {
      retryAfterSeconds: 2,
    },
  );

async function findChangeable(db: Db, accountId: string): Promise<string> {
  const all = await subscriptions.listSubscriptions(db, accountId);
  const live = changeableSubscription(await catalog.listPlans(db), all);
  if (live !== null) return live.stripeSubscriptionId;
  throw new AppError(
    "NO_SUBSCRIPTION",
    `"${accountId}" has no paid subscription: begin one with POST /billing/checkout.`,
  );
}

/** @throws UNAVAILABLE where that takes longer than 10 s. */
async function waitForEnd({ db, producer, log }: Deps, changeId: string): Promise<PlanChangeRow> {
  // Should the job be lost, the worker finds the row.
  await producer
    .add(planChange, { changeId })
    .catch((err: unknown) => log.warn({ err, changeId }, "plan-change.not-queued"));
  let ended: PlanChangeRow | null = null;
  await waitUntil(waitMs, async () => {
    const change = await planChanges.findChange(db, changeId);
    ended = change?.state === "finished" ? change : null;
    return ended !== null;
  });
  if (ended !== null) return ended;
  throw new AppError(
    "UNAVAILABLE",
    "The change is under way and not finished yet: ask again for how it ended.",
    {
      retryAfterSeconds: 2,
    },
  );
}

const errorOf = ({ code, detail, declineCode }: ChangeRefusal): AppError =>
  new AppError(code, detail, declineCode === undefined ? {} : { extensions: { declineCode } });
