import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { Stored } from "../stored.ts";
import { recurringPrice } from "./catalog.ts";
import { boundaryAt, type Recurrence } from "./period.ts";
import { recordChange } from "./record-change.ts";
import { type Phase, releaseSchedule, type Schedule } from "./schedule-phases.ts";
import { periodOf, type Subscription } from "./subscription-object.ts";

export type CreateScheduleParams = Stored<Stripe.SubscriptionScheduleCreateParams>;
export type UpdateScheduleParams = Stored<Stripe.SubscriptionScheduleUpdateParams>;
type PhaseParams = NonNullable<UpdateScheduleParams["phases"]>[number];

/** A schedule over a running subscription: one phase, its present items to the end of its present period. */
export function createSchedule(ctx: SimContext, params: CreateScheduleParams): Schedule {
  if (params.from_subscription === undefined) {
    throw invalidRequest("The simulator makes schedules with `from_subscription` only.", {
      param: "from_subscription",
    });
  }
  if (params.phases !== undefined) {
    throw invalidRequest("You cannot set `phases` if `from_subscription` is set.", { param: "phases" });
  }
  const subscription = ctx.store.getOrThrow("subscription", params.from_subscription, "from_subscription");
  if (subscription.schedule !== null) {
    throw invalidRequest(
      `You cannot migrate a subscription that is already attached to a schedule: ${subscription.schedule}.`,
      { param: "from_subscription" },
    );
  }
  const { start, end } = periodOf(subscription);
  const items = subscription.items.data.map(({ price, quantity, metadata }) => ({
    price: price.id,
    metadata,
    ...(quantity === undefined ? {} : { quantity }),
  }));
  const phase = newPhase(subscription, { items }, start, end);
  const schedule = newSchedule(ctx, subscription, { phase, params });
  ctx.store.put("subscription_schedule", schedule);
  ctx.emit("subscription_schedule.created", schedule);
  recordChange(ctx, "subscription", subscription.id, { schedule: schedule.id });
  return schedule;
}

/** Replaces the phases; the running one keeps its start. Dates follow from one phase to the next. */
export function updateSchedule(ctx: SimContext, id: string, params: UpdateScheduleParams): Schedule {
  const schedule = requireActive(ctx, id);
  const change = {
    metadata: applyMetadata(schedule.metadata, params.metadata),
    ...(params.end_behavior === undefined ? {} : { end_behavior: params.end_behavior }),
    ...(params.phases === undefined ? {} : plannedPhases(ctx, schedule, params.phases)),
  };
  return recordChange(ctx, "subscription_schedule", id, change);
}

/** Lets the schedule go and leaves the subscription as it is now. */
export function release(ctx: SimContext, id: string): Schedule {
  const schedule = requireActive(ctx, id);
  const released = releaseSchedule(ctx, schedule);
  recordChange(ctx, "subscription", schedule.subscription ?? "", { schedule: null });
  return released;
}

/** The schedule, if it still runs; Stripe's 400 otherwise. */
export function requireActive(ctx: SimContext, id: string): Schedule {
  const schedule = ctx.store.getOrThrow("subscription_schedule", id);
  if (["active", "not_started"].includes(schedule.status)) return schedule;
  throw invalidRequest(
    `You cannot change a subscription schedule that is currently in the \`${schedule.status}\` status.`,
  );
}

function plannedPhases(ctx: SimContext, schedule: Schedule, planned: PhaseParams[]): Partial<Schedule> {
  const subscription = ctx.store.getOrThrow("subscription", schedule.subscription ?? "");
  const currentStart = schedule.current_phase?.start_date ?? ctx.now();
  let startAt = currentStart;
  const phases = planned.map((phase, index) => {
    const param = `phases[${index}]`;
    const givenStart = phase.start_date === "now" ? ctx.now() : phase.start_date;
    if (givenStart !== undefined && givenStart !== startAt) {
      throw invalidRequest(
        "Each phase must start where the one before it ends; the current phase keeps its start date.",
        {
          param: `${param}[start_date]`,
        },
      );
    }
    for (const [at, item] of phase.items.entries())
      recurringPrice(ctx, item.price ?? "", `${param}[items][${at}][price]`);
    const endAt = phaseEnd(ctx, phase, startAt, param);
    const made = newPhase(subscription, phase, startAt, endAt);
    startAt = endAt;
    return made;
  });
  const current = phases.find((phase) => phase.start_date <= ctx.now() && phase.end_date > ctx.now());
  if (current === undefined)
    throw invalidRequest("The phases must include the current one.", { param: "phases" });
  return { phases, current_phase: { start_date: current.start_date, end_date: current.end_date } };
}

function phaseEnd(ctx: SimContext, phase: PhaseParams, startAt: number, param: string): number {
  const { end_date: given, duration } = phase;
  const first = ctx.store.get("price", phase.items[0]?.price ?? "");
  const interval = duration ?? first?.recurring ?? { interval: "month" };
  const recurrence: Recurrence = {
    interval: interval.interval,
    interval_count: interval.interval_count ?? 1,
  };
  const endAt = given === "now" ? ctx.now() : (given ?? boundaryAt(startAt, recurrence, 1));
  if (endAt <= startAt)
    throw invalidRequest("A phase must end after it starts.", { param: `${param}[end_date]` });
  return endAt;
}

function newPhase(
  subscription: Subscription,
  params: Pick<PhaseParams, "items" | "metadata" | "proration_behavior" | "default_payment_method">,
  startAt: number,
  endAt: number,
): Phase {
  return {
    add_invoice_items: [],
    application_fee_percent: null,
    billing_cycle_anchor: null,
    billing_thresholds: null,
    collection_method: null,
    currency: subscription.currency,
    default_payment_method: params.default_payment_method ?? null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    end_date: endAt,
    invoice_settings: null,
    items: params.items.map((item) => ({
      billing_thresholds: null,
      discounts: [],
      metadata: applyMetadata(null, item.metadata),
      plan: item.price ?? "",
      price: item.price ?? "",
      ...(item.quantity === undefined ? {} : { quantity: item.quantity }),
      tax_rates: [],
    })),
    metadata: applyMetadata(null, params.metadata),
    on_behalf_of: null,
    proration_behavior: params.proration_behavior ?? "create_prorations",
    start_date: startAt,
    transfer_data: null,
    trial_end: null,
  };
}

function newSchedule(
  ctx: SimContext,
  subscription: Subscription,
  { phase, params }: { phase: Phase; params: CreateScheduleParams },
): Schedule {
  return {
    id: ctx.newId("sub_sched"),
    object: "subscription_schedule",
    application: null,
    billing_mode: subscription.billing_mode,
    canceled_at: null,
    completed_at: null,
    created: ctx.now(),
    current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    customer: subscription.customer,
    customer_account: null,
    default_settings: {
      application_fee_percent: null,
      billing_cycle_anchor: "automatic",
      billing_thresholds: null,
      collection_method: subscription.collection_method,
      default_payment_method: subscription.default_payment_method,
      description: null,
      invoice_settings: {
        account_tax_ids: null,
        custom_fields: null,
        days_until_due: null,
        description: null,
        footer: null,
        issuer: { type: "self" },
      },
      on_behalf_of: null,
      transfer_data: null,
    },
    end_behavior: params.end_behavior ?? "release",
    livemode: false,
    metadata: applyMetadata(null, params.metadata),
    pause_schedules: [],
    phases: [phase],
    released_at: null,
    released_subscription: null,
    status: "active",
    subscription: subscription.id,
    test_clock: subscription.test_clock,
  };
}
