import { abandonedCloseMs } from "@driftlock/domain";
import { difference, pendingPlanOf, soldItem } from "./judge-mirror.ts";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

const granting = ["active", "trialing", "past_due"];
const rankOf = (planId: string): number => ["free", "pro", "business"].indexOf(planId);

/** Plan, period and what is to come, as the gateway tells them, against what Stripe's objects give. */
export function judgePlan(told: Told, facts: StripeFacts): string[] {
  const best = facts.subscriptions
    .filter(({ status }) => granting.includes(status))
    .map((subscription) => ({ subscription, ...soldItem(subscription) }))
    .toSorted(
      (a, b) => rankOf(b.planId) - rankOf(a.planId) || a.subscription.created - b.subscription.created,
    )[0];
  const isEnding =
    best?.subscription.cancel_at_period_end === true || (best?.subscription.cancel_at ?? null) !== null;
  return difference("what the customer is told", told, {
    planId: best?.planId ?? "free",
    cancelAtPeriodEnd: isEnding,
    pendingPlanId: isEnding ? "free" : best === undefined ? null : pendingPlanOf(best.subscription, facts),
    ...(best !== undefined && {
      status: best.subscription.status,
      periodStart: new Date(best.item.current_period_start * 1000),
      periodEnd: new Date(best.item.current_period_end * 1000),
    }),
  });
}

export interface Told extends Record<string, unknown> {
  planId: string;
  status: string;
  periodStart: Date;
  periodEnd: Date;
  paymentState: string;
  access: string;
}

/** Time is tiled without gap or overlap, what has ended is closed, and the present row is the plan's. */
export function judgePeriods({ periods }: Rows, { now, told }: { now: Date; told: Told }): string[] {
  const differences: string[] = [];
  const spans = periods.map((row) => ({
    start: row["period_start"] as Date,
    end: row["period_end"] as Date,
    planId: row["plan_id"] as string,
    closedAt: row["closed_at"] as Date | null,
  }));
  for (const [index, span] of spans.entries()) {
    const before = spans[index - 1];
    if (before !== undefined && before.end.getTime() !== span.start.getTime())
      differences.push(`periods: ${before.end.toISOString()} is followed by ${span.start.toISOString()}`);
    // What bills usage waits for its invoice, which a cancellation at Stripe does not draw: at most so long.
    const waitMs = span.planId === "pro" ? abandonedCloseMs : 0;
    const isLate = span.closedAt === null && span.end.getTime() + waitMs + 2_000 < now.getTime();
    if (isLate || (span.closedAt !== null && span.end > now))
      differences.push(
        `periods: ${span.planId} from ${span.start.toISOString()} to ${span.end.toISOString()} is ${span.closedAt === null ? "not closed" : "closed"}`,
      );
  }
  const present = spans.find(({ start, end }) => start <= now && now < end);
  if (present?.planId !== told.planId)
    differences.push(`periods: the present one is ${present?.planId}, the plan ${told.planId}`);
  return differences;
}
