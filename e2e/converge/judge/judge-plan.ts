import { abandonedCloseMs } from "@driftlock/domain";
import type { Stripe } from "@driftlock/stripe";
import { difference, soldItem } from "./judge-mirror.ts";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

const granting = ["active", "trialing", "past_due"];
const rankOf = (planId: string): number => ["free", "pro", "business"].indexOf(planId);

/** Plan, period, payment state and access, as the gateway tells them, against what Stripe's objects give. */
export function judgePlan(told: Told, facts: StripeFacts): string[] {
  const best = facts.subscriptions
    .filter(({ status }) => granting.includes(status))
    .map((subscription) => ({ subscription, ...soldItem(subscription) }))
    .toSorted(
      (a, b) => rankOf(b.planId) - rankOf(a.planId) || a.subscription.created - b.subscription.created,
    )[0];
  return [
    ...difference("what the customer is told", told, {
      planId: best?.planId ?? "free",
      ...(best !== undefined && {
        status: best.subscription.status,
        periodStart: new Date(best.item.current_period_start * 1000),
        periodEnd: new Date(best.item.current_period_end * 1000),
      }),
      ...(told.paymentState === "ok" && { access: "full" }),
    }),
    ...(allowsState(told.paymentState, facts) ? [] : [`the payment state is ${told.paymentState}`]),
  ];
}

export interface Told extends Record<string, unknown> {
  planId: string;
  status: string;
  periodStart: Date;
  periodEnd: Date;
  paymentState: string;
  access: string;
}

/** Whether Stripe's objects give a reason for a payment state, and none against it. */
function allowsState(state: string, { subscriptions, invoices, charges, intents }: StripeFacts): boolean {
  const has = (status: string) => subscriptions.some((each) => each.status === status);
  const owed = invoices.filter(
    ({ status, amount_remaining }) =>
      (status === "open" || status === "uncollectible") && amount_remaining > 0,
  );
  const hasFailed = (invoice: Stripe.Invoice) => {
    const intent = intentOf(invoice, intents);
    return (
      Boolean(intent?.last_payment_error) || intent?.status === "requires_action" || invoice.attempt_count > 0
    );
  };
  switch (state) {
    case "ok":
      return !has("unpaid") && !has("past_due");
    case "past_due":
    case "action_required":
      return has("past_due") || owed.some((invoice) => invoice.status === "open" && hasFailed(invoice));
    case "unpaid":
      return has("unpaid") || owed.length > 0;
    case "disputed":
      return charges.some(({ disputed }) => disputed);
    default:
      return false;
  }
}

function intentOf(
  invoice: Stripe.Invoice,
  intents: StripeFacts["intents"],
): Stripe.PaymentIntent | undefined {
  const payments = invoice.payments?.data ?? [];
  const intent = (payments.find(({ is_default }) => is_default) ?? payments.at(-1))?.payment.payment_intent;
  return intents.get(typeof intent === "string" ? intent : (intent?.id ?? ""));
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
