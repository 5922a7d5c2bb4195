import { AppError, subscriptionStatuses } from "@driftlock/contracts";
import { accounts, type SubscriptionRow, subscriptions, type Transaction } from "@driftlock/db";
import { pendingPlan, planOfPrice, subscriptionSteps } from "@driftlock/domain";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { noteDefaultCard } from "../dunning/note-new-card.ts";
import { tellTrialEnding } from "../notices/tell-trial-ending.ts";
import { insertNotice } from "../notices/insert-notice.ts";
import { retilePeriods } from "../periods/retile-periods.ts";
import { reopenMoves } from "../plan-version/reopen-moves.ts";
import { findAccountOf, linkCustomer } from "./find-account.ts";
import {
  type ApplyContext,
  type ApplyOutcome,
  idOf,
  ignored,
  instantOf,
  instantOrNull,
  type Syncer,
} from "./syncer.ts";

/** The status, plan, period and end of a subscription; with it the account's periods. */
export const syncSubscription: Syncer = async (stripe, objectId) => {
  try {
    const subscription = await stripe.subscriptions.retrieve(objectId, { expand: ["schedule"] });
    return {
      stripeCustomerId: idOf(subscription.customer),
      apply: (tx, context) => applySubscription(tx, subscription, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: (tx, context) => applyMissing(tx, objectId, context) };
  }
};

async function applySubscription(
  tx: Transaction,
  subscription: Stripe.Subscription,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const stripeCustomerId = idOf(subscription.customer);
  const mirrored = await subscriptions.findSubscription(tx, subscription.id);
  const account = await findAccountOf(tx, {
    mirroredAccountId: mirrored?.accountId ?? null,
    stripeCustomerId,
    metadataAccountId: subscription.metadata["account_id"],
  });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  const { accountId } = account;
  await linkCustomer(tx, { account, stripeCustomerId });
  // Read again: the account's lock is held only now.
  const before = await subscriptions.findSubscription(tx, subscription.id);
  const after = rowOf(subscription, accountId, context);
  await subscriptions.upsertSubscription(tx, after);
  await tellSteps(tx, { before, after, now: context.now });
  if (subscription.trial_start !== null)
    await accounts.updateTrialStarted(tx, accountId, instantOf(subscription.trial_start));
  await tellTrialEnding(tx, after, context.now);
  await reopenMoves(tx, after);
  await retilePeriods(tx, { accountId, now: context.now });
  const paymentMethodId = after.defaultPaymentMethodId;
  if (paymentMethodId !== null)
    await noteDefaultCard(tx, { accountId, paymentMethodId, now: context.now, of: "subscription" });
  return { outcome: "applied", accountId };
}

/** The mirror of a subscription. @throws UNKNOWN_PLAN where none of its prices is in our catalogue. */
function rowOf(subscription: Stripe.Subscription, accountId: string, context: ApplyContext): SubscriptionRow {
  const { id } = subscription;
  const status = subscriptionStatuses.find((known) => known === subscription.status);
  if (status === undefined)
    throw new AppError("INVALID", `The subscription ${id} has the unknown status ${subscription.status}.`);
  const sold = subscription.items.data.flatMap((item) => {
    const plan = planOfPrice(context.plans, { id: item.price.id, lookupKey: item.price.lookup_key });
    return plan === null ? [] : [{ item, plan }];
  })[0];
  if (sold === undefined)
    throw new AppError("UNKNOWN_PLAN", `No price of the subscription ${id} is in the catalogue.`);
  return {
    stripeSubscriptionId: id,
    accountId,
    planId: sold.plan.planId,
    planVersion: sold.plan.version,
    status,
    // The period lies on the item, not on the subscription (FIELD H19).
    periodStart: instantOf(sold.item.current_period_start),
    periodEnd: instantOf(sold.item.current_period_end),
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    cancelAt: instantOrNull(subscription.cancel_at),
    endedAt: instantOrNull(subscription.ended_at),
    ...pendingChange(subscription, sold, context),
    defaultPaymentMethodId: idOf(subscription.default_payment_method),
    latestInvoiceId: idOf(subscription.latest_invoice),
    startedAt: instantOf(subscription.created),
    planChangedAt: toldInstant(subscription.metadata["plan_changed_at"]),
    trialEndsAt: instantOrNull(subscription.trial_end),
    fetchSequence: context.fetchSequence,
  };
}

/** Unix seconds in metadata, which only we write. */
const toldInstant = (seconds: string | undefined): Date | null =>
  seconds !== undefined && /^\d{1,12}$/.test(seconds) ? instantOf(Number(seconds)) : null;

interface Sold {
  item: Stripe.SubscriptionItem;
  plan: ApplyContext["plans"][number];
}

/** What its schedule does at the end of the present period, where it is another plan or version. */
function pendingChange(
  { schedule }: Stripe.Subscription,
  { item, plan }: Sold,
  { plans }: ApplyContext,
): Pick<SubscriptionRow, "stripeScheduleId" | "pendingPlanId" | "pendingPlanVersion"> {
  const pending = pendingPlan(plans, schedule, { plan, periodEndSeconds: item.current_period_end });
  return {
    stripeScheduleId: idOf(schedule),
    pendingPlanId: pending?.planId ?? null,
    pendingPlanVersion: pending?.version ?? null,
  };
}

async function tellSteps(
  tx: Transaction,
  { before, after, now }: { before: SubscriptionRow | null; after: SubscriptionRow; now: Date },
): Promise<void> {
  const { accountId, stripeSubscriptionId, planId, planVersion } = after;
  const data = {
    subscriptionId: stripeSubscriptionId,
    planId,
    planVersion,
    period: { start: after.periodStart.toISOString(), end: after.periodEnd.toISOString() },
    endsAt:
      (after.cancelAt ?? (after.cancelAtPeriodEnd ? after.periodEnd : after.endedAt))?.toISOString() ?? null,
  };
  for (const type of subscriptionSteps(before, after)) {
    // Beginning and end come once in a life; the others are told apart by the fetch that saw them.
    const isOnce = type === "subscription.started" || type === "subscription.ended";
    const dedupeKey = `${type}.${stripeSubscriptionId}${isOnce ? "" : `.${after.fetchSequence}`}`;
    await insertNotice(tx, { accountId, type, dedupeKey, data, now });
  }
}

async function applyMissing(
  tx: Transaction,
  stripeSubscriptionId: string,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const mirrored = await subscriptions.findSubscription(tx, stripeSubscriptionId);
  if (mirrored === null) return ignored("Stripe has no such subscription");
  const { accountId } = mirrored;
  await findAccountOf(tx, { mirroredAccountId: accountId, stripeCustomerId: null, metadataAccountId: null });
  await subscriptions.updateSubscriptionMissing(tx, {
    stripeSubscriptionId,
    now: context.now,
    fetchSequence: context.fetchSequence,
  });
  await retilePeriods(tx, { accountId, now: context.now });
  return { outcome: "applied", accountId, isDeleted: true };
}
