import type { ErrorCode } from "@driftlock/contracts";
import { type ChangePlan, type PresentSubscription, pricesOfPlan } from "./present-subscription.ts";

export type PlanWish<Plan extends ChangePlan> =
  | { kind: "change"; plan: Plan }
  | { kind: "cancel" }
  /** `dropped` is the scheduled plan that the cancellation dropped. */
  | { kind: "resume"; dropped: Plan | null }
  /** To another version of the plan, an operator's wish. */
  | { kind: "migrate"; plan: Plan; isNow: boolean };

export type PlanChangeKind = "upgrade" | "downgrade" | "cancel-at-end" | "take-back" | "resume" | "migrate";

export type PlanDecision<Plan extends ChangePlan> =
  | { outcome: "refused"; code: ErrorCode; detail: string }
  | {
      outcome: "decided";
      kind: PlanChangeKind;
      from: Plan;
      /** The plan from the change on, or from the period's end on; null where the subscription ends then. */
      to: Plan | null;
      /** The scheduled plan that a cancellation drops. */
      dropped: Plan | null;
    };

/**
 * What a wish comes to (DESIGN 2.3): a dearer plan at once, a cheaper one at the period's end, Free is a cancellation at
 * the period's end, the present plan takes back what was still to come. Another version of the same plan is none of the
 * customer's doing: it stays planned.
 */
export function decidePlanChange<Plan extends ChangePlan>(
  present: PresentSubscription<Plan>,
  wish: PlanWish<Plan>,
): PlanDecision<Plan> {
  const from = present.plan;
  const decided = (kind: PlanChangeKind, to: Plan | null, dropped: Plan | null = null) =>
    ({ outcome: "decided", kind, from, to, dropped }) as const;
  if (wish.kind === "migrate") return decideMigration(present, wish);
  if (wish.kind === "resume") {
    return present.isEnding
      ? decided("resume", wish.dropped ?? from)
      : refused("NOT_CANCELED", "This subscription goes on: there is nothing to take back.");
  }
  if (wish.kind === "cancel" || wish.plan.priceAmountMinor === 0) {
    return present.isEnding
      ? refused("ALREADY_CANCELED", "This subscription is set to end at its period's end already.")
      : decided("cancel-at-end", null, present.pending);
  }
  const { plan: to } = wish;
  if (to.planId === from.planId) {
    const isOnlyMigrating = present.pending?.planId === from.planId;
    return present.isEnding || (present.scheduleId !== null && !isOnlyMigrating)
      ? decided("take-back", from)
      : refused("SAME_PLAN", `The account is on "${from.planId}" already.`);
  }
  if (to.rank < from.rank) return decided("downgrade", to);
  return upgradableStatuses.includes(present.status) ? decided("upgrade", to) : notActive(present.status);
}

/**
 * To another version of the plan: of the present one at once or at the period's end, of a scheduled one with it. Where the
 * subscription ends, or turns to another plan, there is nothing to move.
 */
function decideMigration<Plan extends ChangePlan>(
  present: PresentSubscription<Plan>,
  { plan: to, isNow }: { plan: Plan; isNow: boolean },
): PlanDecision<Plan> {
  const { plan: from, pending, isEnding, status } = present;
  const decided = (kind: PlanChangeKind) => ({ outcome: "decided", kind, from, to, dropped: null }) as const;
  if (isEnding) return refused("ALREADY_CANCELED", "This subscription ends with its period.");
  const isOther = pending !== null && pending.planId !== from.planId;
  if (isOther)
    return pending.planId === to.planId && pending !== to
      ? decided("migrate")
      : refused(
          "CHANGE_IN_PROGRESS",
          `This subscription changes to "${pending.planId}" at its period's end.`,
        );
  if (
    from.planId !== to.planId ||
    from.version > to.version ||
    (from === to ? pending === null : pending === to && !isNow)
  )
    return refused("SAME_PLAN", `There is nothing to move to version ${to.version} of "${to.planId}".`);
  if (!isNow || from === to) return decided("migrate");
  return upgradableStatuses.includes(status) ? decided("upgrade") : notActive(status);
}

const notActive = (status: string) =>
  refused(
    "SUBSCRIPTION_NOT_ACTIVE",
    `The subscription is ${status}: pay what is open, or resume it, before it is upgraded.`,
  );

// In any other Stripe would make the change and collect nothing for it.
const upgradableStatuses: readonly string[] = ["active", "trialing", "past_due"];

const refused = (code: ErrorCode, detail: string) => ({ outcome: "refused", code, detail }) as const;

/** How a subscription goes on past its present period; what Stripe is brought to, whatever it was set to before. */
export function plannedEnd<Plan>(change: { kind: PlanChangeKind; from: Plan; to: Plan | null }): {
  isEnding: boolean;
  /** The plan that a schedule turns to; null: the present one goes on. */
  next: Plan | null;
} {
  if (change.kind === "cancel-at-end") return { isEnding: true, next: null };
  const isScheduled = ["downgrade", "resume", "migrate"].includes(change.kind);
  return { isEnding: false, next: isScheduled && change.to !== change.from ? change.to : null };
}

/** Whether what is used on a plan costs more than its price: such usage is billed before the plan is changed. */
export const billsByUse = ({ limits }: Pick<ChangePlan, "limits">): boolean =>
  limits.some(({ overagePolicy }) => overagePolicy === "bill");

/** From the decision to the cut: what was reported meanwhile has to carry an instant before it. */
const aheadSeconds = 2;

/**
 * The whole second (unix) that an upgrade takes effect at: Stripe's proration_date, and the cut of our periods. A little
 * ahead, and a second into the period at least, so that what was used before it can be reported before it. Null where
 * the renewal comes first.
 */
export function upgradeSecond(
  { periodStartSeconds, periodEndSeconds }: PresentSubscription<ChangePlan>,
  now: Date,
): number | null {
  const second = Math.max(Math.floor(now.getTime() / 1000) + aheadSeconds, periodStartSeconds + 1);
  return second < periodEndSeconds ? second : null;
}

export interface ItemChange {
  id?: string;
  price?: string;
  quantity?: number;
  deleted?: true;
}

/** The changes of items that turn the subscription's plan into another: the plan's price is swapped, metered ones go and come. */
export function itemChanges(present: PresentSubscription<ChangePlan>, to: ChangePlan): ItemChange[] {
  const { licensed, metered } = pricesOfPlan(to);
  const others = present.items.filter(({ id }) => id !== present.item.id);
  const kept = new Set(others.map(({ priceId }) => priceId));
  return [
    { id: present.item.id, price: licensed, quantity: 1 },
    ...others
      .filter(({ priceId }) => !metered.includes(priceId))
      .map(({ id }) => ({ id, deleted: true as const })),
    ...metered.filter((price) => !kept.has(price)).map((price) => ({ price })),
  ];
}

/** An upgrade at `atSeconds`, in the parameters that Stripe's update and its preview share. */
export const upgradeParams = (
  present: PresentSubscription<ChangePlan>,
  to: ChangePlan,
  atSeconds: number,
) => ({
  items: itemChanges(present, to),
  proration_behavior: "always_invoice" as const,
  proration_date: atSeconds,
});

/** The parameters of Stripe's preview of a change: an upgrade at `atSeconds`, anything else at the period's end. */
export function previewParams<Plan extends ChangePlan>(
  present: PresentSubscription<Plan>,
  { kind, to }: Extract<PlanDecision<Plan>, { outcome: "decided" }>,
  atSeconds: number,
) {
  if (to === null) return { cancel_at_period_end: true };
  return kind === "upgrade"
    ? upgradeParams(present, to, atSeconds)
    : { items: itemChanges(present, to), proration_behavior: "none" as const };
}

/** The phases of a schedule that turns to `next` at the period's end; `startSeconds` is where the running phase began. */
export function schedulePhases(
  present: PresentSubscription<ChangePlan>,
  next: ChangePlan,
  startSeconds: number,
) {
  const { licensed, metered } = pricesOfPlan(next);
  return [
    {
      start_date: startSeconds,
      end_date: present.periodEndSeconds,
      items: present.items.map(({ priceId, quantity }) => ({
        price: priceId,
        ...(quantity !== undefined && { quantity }),
      })),
      // A phase that says nothing of it would end the trial.
      ...(present.status === "trialing" && { trial: true }),
    },
    {
      duration: { interval: next.interval, interval_count: 1 },
      proration_behavior: "none" as const,
      metadata: { plan_changed_at: String(present.periodEndSeconds) },
      items: [{ price: licensed, quantity: 1 }, ...metered.map((price) => ({ price }))],
    },
  ];
}
