import type { PlanId, SubscriptionStatus } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** A subscription as Stripe last told it. The period is that of its licensed item. */
export interface SubscriptionRow {
  stripeSubscriptionId: string;
  accountId: string;
  planId: PlanId;
  planVersion: number;
  status: SubscriptionStatus;
  periodStart: Date;
  periodEnd: Date;
  cancelAtPeriodEnd: boolean;
  cancelAt: Date | null;
  endedAt: Date | null;
  stripeScheduleId: string | null;
  /** The plan and version that its schedule changes to at the period's end. */
  pendingPlanId: PlanId | null;
  pendingPlanVersion: number | null;
  defaultPaymentMethodId: string | null;
  latestInvoiceId: string | null;
  startedAt: Date;
  /** When its present plan came into force, where whoever changed it said so. */
  planChangedAt: Date | null;
  /** The end of its trial, passed or ahead; null where it has none. */
  trialEndsAt: Date | null;
  fetchSequence: number;
}

const columns = `stripe_subscription_id as "stripeSubscriptionId", account_id as "accountId", plan_id as "planId",
  plan_version as "planVersion", status, period_start as "periodStart", period_end as "periodEnd",
  cancel_at_period_end as "cancelAtPeriodEnd", cancel_at as "cancelAt", ended_at as "endedAt",
  stripe_schedule_id as "stripeScheduleId", pending_plan_id as "pendingPlanId",
  pending_plan_version as "pendingPlanVersion", default_payment_method_id as "defaultPaymentMethodId", latest_invoice_id as "latestInvoiceId",
  started_at as "startedAt", plan_changed_at as "planChangedAt", trial_ends_at as "trialEndsAt", fetch_sequence as "fetchSequence"`;

export const findSubscription = (
  q: Queryable,
  stripeSubscriptionId: string,
): Promise<SubscriptionRow | null> =>
  q.row("subscriptions.find", {
    text: `select ${columns} from user_subscriptions where stripe_subscription_id = $1::text`,
    values: [stripeSubscriptionId],
  });

/** All subscriptions that an account ever had, oldest first. */
export const listSubscriptions = (q: Queryable, accountId: string): Promise<SubscriptionRow[]> =>
  q.rows("subscriptions.list", {
    text: `select ${columns} from user_subscriptions where account_id = $1::text order by started_at, stripe_subscription_id collate "C"`,
    values: [accountId],
  });

/** Mirrors a subscription; a row that came from a later fetch is left as it is. @returns 0 when it was. */
export const upsertSubscription = (q: Queryable, row: SubscriptionRow): Promise<number> =>
  q.run(
    "subscriptions.upsert",
    sql`insert into user_subscriptions as s (stripe_subscription_id, account_id, plan_id, plan_version, status, period_start,
      period_end, cancel_at_period_end, cancel_at, ended_at, stripe_schedule_id, pending_plan_id,
      pending_plan_version, default_payment_method_id, latest_invoice_id, started_at, plan_changed_at, trial_ends_at, fetch_sequence)
    values (${row.stripeSubscriptionId}::text, ${row.accountId}::text, ${row.planId}::text, ${row.planVersion}::int,
      ${row.status}::text, ${row.periodStart}::timestamptz, ${row.periodEnd}::timestamptz, ${row.cancelAtPeriodEnd}::boolean,
      ${row.cancelAt}::timestamptz, ${row.endedAt}::timestamptz, ${row.stripeScheduleId}::text, ${row.pendingPlanId}::text,
      ${row.pendingPlanVersion}::int, ${row.defaultPaymentMethodId}::text, ${row.latestInvoiceId}::text, ${row.startedAt}::timestamptz,
      ${row.planChangedAt}::timestamptz, ${row.trialEndsAt}::timestamptz, ${row.fetchSequence}::bigint)
    on conflict (stripe_subscription_id) do update set plan_id = excluded.plan_id, plan_version = excluded.plan_version,
      status = excluded.status, period_start = excluded.period_start, period_end = excluded.period_end,
      cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at, ended_at = excluded.ended_at,
      stripe_schedule_id = excluded.stripe_schedule_id, pending_plan_id = excluded.pending_plan_id,
      pending_plan_version = excluded.pending_plan_version,
      default_payment_method_id = excluded.default_payment_method_id, latest_invoice_id = excluded.latest_invoice_id,
      started_at = excluded.started_at, plan_changed_at = excluded.plan_changed_at,
      trial_ends_at = excluded.trial_ends_at, fetch_sequence = excluded.fetch_sequence
    where s.fetch_sequence < excluded.fetch_sequence`,
  );

/** Marks a subscription that Stripe no longer knows as ended. */
export const updateSubscriptionMissing = (
  q: Queryable,
  missing: { stripeSubscriptionId: string; now: Date; fetchSequence: number },
): Promise<number> =>
  q.run(
    "subscriptions.updateMissing",
    sql`update user_subscriptions set status = 'canceled', ended_at = coalesce(ended_at, ${missing.now}::timestamptz),
      fetch_sequence = ${missing.fetchSequence}::bigint
    where stripe_subscription_id = ${missing.stripeSubscriptionId}::text and fetch_sequence < ${missing.fetchSequence}::bigint`,
  );

/** Accounts with more than one subscription that is neither over nor waiting for its first payment. */
export const listAccountsWithSeveralSubscriptions = async (q: Queryable): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "subscriptions.listAccountsWithSeveral",
    sql`select account_id as "accountId" from user_subscriptions
    where status not in ('canceled', 'incomplete', 'incomplete_expired') group by account_id having count(*) > 1`,
  );
  return rows.map((row) => row.accountId);
};
