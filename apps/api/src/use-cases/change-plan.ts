import { AppError } from "@driftlock/contracts";
import type { Db } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import type { WithAccountLease } from "./account-lease.ts";
import type { ChangedSubscription, CustomerUseCases } from "./customer-use-cases.ts";
import { currentPlan, type PlanRow, pricesOf } from "./plan-catalog.ts";
import { requireAccount } from "./require-account.ts";
import {
  billsByUse,
  itemChanges,
  type PresentSubscription,
  readPresentSubscription,
} from "./stripe-subscription.ts";
import type { SettleUsage } from "./settle-usage.ts";
import type { SyncFromStripe } from "./sync-from-stripe.ts";
import { waitUntil } from "./wait-until.ts";

const secondMs = 1_000;

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
  withAccountLease: WithAccountLease;
  syncFromStripe: SyncFromStripe;
  settleUsage: SettleUsage;
  getSubscription: CustomerUseCases["getSubscription"];
}

/** Everything that changes an account's paid subscription at Stripe, and then waits until our mirror shows it. */
export function createChangePlan(deps: Deps) {
  const { db, stripe, clock, withAccountLease, syncFromStripe, settleUsage, getSubscription } = deps;
  const change = async (
    accountId: string,
    work: (present: PresentSubscription) => Promise<unknown>,
  ): Promise<ChangedSubscription> => {
    await requireAccount(db, accountId);
    const id = await withAccountLease(accountId, async () => {
      const present = await readPresentSubscription({ q: db, stripe }, accountId);
      await stripeCall(() => work(present));
      return present.id;
    });
    const isSynced = await syncFromStripe({ objectId: id, objectType: "subscription" });
    return { subscription: await getSubscription(accountId), isSynced };
  };

  /**
   * To a dearer plan at once, to a cheaper one at the period's end; to Free is a cancellation at the period's end; to
   * the present one takes back what was still to come.
   * @throws UNKNOWN_PLAN, NO_SUBSCRIPTION, SAME_PLAN, ALREADY_CANCELED; PAYMENT_FAILED or UNAVAILABLE, and nothing has
   * changed then.
   */
  const changePlan = async (accountId: string, planId: string): Promise<ChangedSubscription> => {
    const plan = await currentPlan(db, planId);
    return change(accountId, async (present) => {
      if (plan.priceAmountMinor === 0) await cancelAtPeriodEnd(present);
      else if (plan.planId === present.plan.planId) await takeBack(present);
      else if (plan.rank > present.plan.rank) await upgrade(present, plan);
      else await downgradeAtPeriodEnd(present, plan);
    });
  };

  /** @throws NO_SUBSCRIPTION, ALREADY_CANCELED. */
  const cancelSubscription = (accountId: string): Promise<ChangedSubscription> =>
    change(accountId, cancelAtPeriodEnd);

  /** @throws NO_SUBSCRIPTION, NOT_CANCELED. */
  const resumeSubscription = (accountId: string): Promise<ChangedSubscription> =>
    change(accountId, async (present) => {
      if (!present.isEnding)
        throw new AppError("NOT_CANCELED", "This subscription goes on: there is nothing to take back.");
      await keepGoing(present);
    });

  async function upgrade(present: PresentSubscription, plan: PlanRow): Promise<void> {
    if (billsByUse(present) && !(await settleUsage(present.accountId))) {
      throw new AppError("UNAVAILABLE", "The usage so far is still being billed; try again in a moment.");
    }
    const changedAt = changeInstantSeconds(present, clock);
    await waitUntil(secondMs * 2, async () => clock.now().getTime() >= changedAt * secondMs);
    await stripe.subscriptions.update(present.id, {
      items: itemChanges(present, pricesOf(plan)),
      proration_behavior: "always_invoice",
      proration_date: changedAt,
      // A card that is declined leaves everything as it was.
      payment_behavior: "error_if_incomplete",
      metadata: { plan_changed_at: String(changedAt) },
    });
    // Who buys more means to stay: an end that was planned, or a cheaper plan, is off.
    await releaseSchedule(present);
    await keepGoing(present);
  }

  async function downgradeAtPeriodEnd(present: PresentSubscription, plan: PlanRow): Promise<void> {
    const prices = pricesOf(plan);
    await keepGoing(present);
    // A schedule that is there, or was left bare by a crash after its making, is written anew.
    const schedule = await (present.scheduleId === null
      ? stripe.subscriptionSchedules.create({ from_subscription: present.id })
      : stripe.subscriptionSchedules.retrieve(present.scheduleId));
    const { current_period_start: periodStart, current_period_end: periodEnd } = present.item;
    await stripe.subscriptionSchedules.update(schedule.id, {
      end_behavior: "release",
      proration_behavior: "none",
      phases: [
        {
          start_date: schedule.current_phase?.start_date ?? periodStart,
          end_date: periodEnd,
          items: present.stripe.items.data.map(({ price, quantity }) => ({
            price: price.id,
            ...(quantity !== undefined && { quantity }),
          })),
        },
        {
          duration: { interval: plan.interval, interval_count: 1 },
          proration_behavior: "none",
          metadata: { plan_changed_at: String(periodEnd) },
          items: [{ price: prices.licensed, quantity: 1 }, ...prices.metered.map((price) => ({ price }))],
        },
      ],
    });
  }

  async function cancelAtPeriodEnd(present: PresentSubscription): Promise<void> {
    if (present.isEnding) {
      throw new AppError("ALREADY_CANCELED", "This subscription is set to end at its period's end already.");
    }
    // While a schedule manages it, Stripe takes no cancellation.
    await releaseSchedule(present);
    await stripe.subscriptions.update(present.id, { cancel_at_period_end: true });
  }

  async function takeBack(present: PresentSubscription): Promise<void> {
    if (!present.isEnding && present.scheduleId === null) {
      throw new AppError("SAME_PLAN", `The account is on "${present.plan.planId}" already.`);
    }
    await releaseSchedule(present);
    await keepGoing(present);
  }

  async function releaseSchedule({ scheduleId }: PresentSubscription): Promise<void> {
    if (scheduleId !== null) await stripe.subscriptionSchedules.release(scheduleId);
  }

  async function keepGoing({ id, isEnding }: PresentSubscription): Promise<void> {
    if (isEnding) await stripe.subscriptions.update(id, { cancel_at_period_end: false });
  }

  return { changePlan, cancelSubscription, resumeSubscription };
}

/**
 * DESIGN 4.6: a change takes effect at a whole second, which is Stripe's proration_date and the cut of our periods.
 * Where usage was just reported it is the next one: what is reported in a second counts before the second that follows.
 */
export function changeInstantSeconds(present: PresentSubscription, clock: Clock): number {
  const { current_period_start: start, current_period_end: end } = present.item;
  const second = Math.floor(clock.now().getTime() / 1000) + (billsByUse(present) ? 1 : 0);
  return Math.min(Math.max(second, start), end);
}
