import type { Stripe } from "@driftlock/stripe";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

type Fields = Record<string, unknown>;

const date = (seconds: number | null | undefined): Date | null =>
  typeof seconds === "number" ? new Date(seconds * 1000) : null;
const id = (field: string | { id: string } | null | undefined): string | null =>
  typeof field === "string" ? field : (field?.id ?? null);

/** What each mirrored row has to say, read off Stripe's objects and compared field by field. */
export function judgeMirror(rows: Rows, facts: StripeFacts): string[] {
  return [
    ...compare(
      "subscription",
      rows.subscriptions,
      "stripe_subscription_id",
      facts.subscriptions.map((subscription) => wantedSubscription(subscription, facts)),
    ),
    ...compare(
      "invoice",
      rows.invoices,
      "invoice_id",
      facts.invoices.map((invoice) => wantedInvoice(invoice, facts.intents)),
    ),
    ...compare(
      "payment method",
      rows.methods,
      "payment_method_id",
      facts.methods.map((method) => wantedMethod(method, facts.customer)),
    ),
    ...judgeMoneyBack(rows, facts),
    ...difference("account", rows.account, { stripe_customer_id: facts.customer?.id ?? null }),
  ];
}

/** `driftlock_<plan>_v<version>`: the price of a plan; those of metered items have one more part. */
const planOf = (lookupKey: string | null): string | undefined =>
  /^driftlock_([a-z]+)_v\d+$/.exec(lookupKey ?? "")?.[1];

export const soldItem = (
  subscription: Stripe.Subscription,
): { item: Stripe.SubscriptionItem; planId: string } => {
  for (const item of subscription.items.data) {
    const planId = planOf(item.price.lookup_key);
    if (planId !== undefined) return { item, planId };
  }
  throw new Error(`${subscription.id} sells no plan`);
};

/** The plan that an active schedule turns to when the present period ends, where that is another one. */
export function pendingPlanOf(
  subscription: Stripe.Subscription,
  { schedules, lookupKeys }: StripeFacts,
): string | null {
  const { item, planId } = soldItem(subscription);
  const schedule = schedules.find((each) => each.id === id(subscription.schedule));
  if (schedule?.status !== "active") return null;
  const next = schedule.phases.find(({ start_date }) => start_date >= item.current_period_end);
  const plans = (next?.items ?? []).map(({ price }) => planOf(lookupKeys.get(id(price) ?? "") ?? null));
  const plan = plans.find((found) => found !== undefined);
  return plan === undefined || plan === planId ? null : plan;
}

function wantedSubscription(subscription: Stripe.Subscription, facts: StripeFacts): Fields {
  const { item, planId } = soldItem(subscription);
  return {
    stripe_subscription_id: subscription.id,
    plan_id: planId,
    status: subscription.status,
    period_start: date(item.current_period_start),
    period_end: date(item.current_period_end),
    cancel_at_period_end: subscription.cancel_at_period_end,
    cancel_at: date(subscription.cancel_at),
    ended_at: date(subscription.ended_at),
    stripe_schedule_id: id(subscription.schedule),
    pending_plan_id: pendingPlanOf(subscription, facts),
    default_payment_method_id: id(subscription.default_payment_method),
    latest_invoice_id: id(subscription.latest_invoice),
    started_at: date(subscription.created),
  };
}

/** The payment that an invoice waits for, or that settled it. */
export function intentOf(
  { payments }: Stripe.Invoice,
  intents: StripeFacts["intents"],
): Stripe.PaymentIntent | undefined {
  const all = payments?.data ?? [];
  const payment = all.find(({ is_default }) => is_default) ?? all.at(-1);
  return intents.get(id(payment?.payment.payment_intent) ?? "");
}

function wantedInvoice(invoice: Stripe.Invoice, intents: StripeFacts["intents"]): Fields {
  const intent = intentOf(invoice, intents);
  const failure = intent?.status === "succeeded" ? null : intent?.last_payment_error;
  return {
    invoice_id: invoice.id,
    stripe_subscription_id: id(invoice.parent?.subscription_details?.subscription),
    number: invoice.number,
    status: invoice.status,
    billing_reason: invoice.billing_reason,
    total_minor: invoice.total,
    amount_due_minor: invoice.amount_due,
    amount_paid_minor: invoice.amount_paid,
    amount_remaining_minor: invoice.amount_remaining,
    currency: invoice.currency,
    period_start: date(invoice.period_start),
    period_end: date(invoice.period_end),
    created_at: date(invoice.created),
    finalized_at: date(invoice.status_transitions.finalized_at),
    paid_at: date(invoice.status_transitions.paid_at),
    next_payment_attempt_at: date(invoice.next_payment_attempt),
    automatically_finalizes_at: date(invoice.automatically_finalizes_at),
    auto_advance: invoice.auto_advance ?? false,
    attempt_count: invoice.attempt_count,
    payment_intent_id: intent?.id ?? null,
    is_action_required: intent?.status === "requires_action",
    decline_code: failure?.decline_code ?? failure?.code ?? null,
  };
}

const wantedMethod = (method: Stripe.PaymentMethod, customer: Stripe.Customer | null): Fields => ({
  payment_method_id: method.id,
  brand: method.card?.brand,
  last4: method.card?.last4,
  exp_month: method.card?.exp_month,
  exp_year: method.card?.exp_year,
  is_default: id(customer?.invoice_settings.default_payment_method) === method.id,
});

/** Refunds and disputes; those of a customer that Stripe has deleted are nobody's when they come late. */
function judgeMoneyBack(rows: Rows, { customer, charges, disputes }: StripeFacts): string[] {
  const present = charges.filter((charge) => id(charge.customer) === customer?.id);
  const isPresent = (charge: unknown) => present.some((each) => each.id === charge);
  return [
    ...compare(
      "refunded charge",
      rows.refunded.filter((row) => isPresent(row["charge_id"])),
      "charge_id",
      present
        .filter(({ amount_refunded }) => amount_refunded > 0)
        .map((charge) => ({
          charge_id: charge.id,
          amount_minor: charge.amount,
          refunded_minor: charge.amount_refunded,
        })),
    ),
    ...compare(
      "dispute",
      rows.disputes.filter((row) => isPresent(row["charge_id"])),
      "dispute_id",
      disputes
        .filter(({ charge }) => isPresent(id(charge)))
        .map((dispute) => ({
          dispute_id: dispute.id,
          charge_id: id(dispute.charge),
          status: dispute.status,
          reason: dispute.reason,
          amount_minor: dispute.amount,
          evidence_due_at: date(dispute.evidence_details.due_by),
        })),
    ),
  ];
}

export function compare(
  what: string,
  rows: readonly Fields[],
  key: string,
  wanted: readonly Fields[],
): string[] {
  const byKey = new Map(rows.map((row) => [row[key], row]));
  const known = new Set(wanted.map((fields) => fields[key]));
  return [
    ...wanted.flatMap((fields) => {
      const row = byKey.get(fields[key]);
      return row === undefined
        ? [`${what} ${String(fields[key])} is missing`]
        : difference(`${what} ${String(fields[key])}`, row, fields);
    }),
    ...rows
      .filter((row) => !known.has(row[key]))
      .map((row) => `${what} ${String(row[key])} is none of Stripe's`),
  ];
}

export const difference = (what: string, row: Fields, wanted: Fields): string[] =>
  Object.entries(wanted)
    .filter(([field, value]) => told(row[field]) !== told(value))
    .map(([field, value]) => `${what}: ${field} is ${told(row[field])}, Stripe says ${told(value)}`);

const told = (value: unknown): string => (value instanceof Date ? value.toISOString() : String(value));
